"""How far ahead one must look, and between what bounds the best value lies."""

from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from recloop.encoders.projection import Projection
from recloop.envs.dynamics import Boredom
from recloop.envs.sessions import Patience
from recloop.envs.task import Task
from recloop.experiments.lookahead import bracket, effective_horizon
from recloop.experiments.planning_gap import (
    CLAIRVOYANT,
    GREEDY_ORACLE,
    PLANNER,
    Bracketed,
    bracketed_facts,
    lookahead_key,
)
from recloop.experiments.plots import value_by_lookahead
from recloop.experiments.progress import Silent
from recloop.experiments.setting import Setting
from recloop.experiments.table import gap_lines
from tests.experiments.test_baselines import EVALUATION, PROJECTION

CONFIG = OmegaConf.create({"evaluation": {**vars(EVALUATION), "sessions_per_user": 1, "planner_horizon": 5}})


def measured(task: Task, projection: Projection = PROJECTION) -> Bracketed:
    train, held_out = task.simulator.population.split(0.2, 0)
    setting = Setting(task.serving(train), task.serving(held_out), projection, {})
    return bracket(CONFIG, setting, [], Silent())


@pytest.fixture(scope="module")
def planning() -> Bracketed:
    """Boredom that is felt strongly, and nobody leaves."""
    task = Task.synthetic(80, 8, max_steps=16)
    sessions = Patience(16, gain=0.0, loss=0.0)
    return measured(
        replace(task, simulator=replace(task.simulator, dynamics=(Boredom(weight=0.8),), sessions=sessions))
    )


@pytest.fixture(scope="module")
def static() -> Bracketed:
    """Recommendations change nothing, and nobody leaves."""
    task = Task.synthetic(80, 8, max_steps=16)
    sessions = Patience(16, gain=0.0, loss=0.0)
    return measured(replace(task, simulator=replace(task.simulator, dynamics=(), sessions=sessions)))


def test_a_delayed_cost_is_labelled_planning(planning: Bracketed) -> None:
    assert planning.judgement.label == "PLANNING"
    assert planning.judgement.action_influence == 1
    assert planning.effective_horizon is None or planning.effective_horizon > 1


def test_a_static_world_is_labelled_bandit_and_nothing_is_gained_by_looking_ahead(static: Bracketed) -> None:
    assert (static.judgement.label, static.effective_horizon) == ("BANDIT", 1)
    assert static.judgement.uplift is not None
    assert static.judgement.uplift.value == pytest.approx(0, abs=1e-4)
    assert static.most_uplift is not None
    assert static.most_uplift.value == pytest.approx(0, abs=1e-4)  # the bound says so too


def test_the_best_value_known_lies_below_the_bound(planning: Bracketed) -> None:
    assert planning.judgement.best is not None
    assert planning.values[planning.judgement.best].value <= planning.values[CLAIRVOYANT].value
    assert planning.judgement.planning_gap is not None
    assert planning.most_planning_gap is not None
    assert planning.judgement.planning_gap.value <= planning.most_planning_gap.value


def test_one_step_of_lookahead_is_the_greedy_oracle(planning: Bracketed) -> None:
    one, oracle = planning.values[lookahead_key(1)], planning.values[GREEDY_ORACLE]
    assert one.value == pytest.approx(oracle.value, rel=1e-5)
    assert planning.values[PLANNER].value > oracle.value


def test_the_figures_can_be_read_by_a_machine_and_by_people(planning: Bracketed) -> None:
    facts, lines = bracketed_facts(planning), gap_lines(planning)
    assert facts["label"] == "PLANNING"
    assert facts["uplift_at_most"]["value"] >= facts["uplift"]["value"] > 0.05
    assert lines[0].startswith("environment: PLANNING (planning gap ")
    assert ", action influence 1)" in lines[0]
    assert lines[1].startswith("best value: at least ")
    assert lines[-1].startswith("effective horizon k_eff(1 %): ")
    assert value_by_lookahead(planning).startswith("<svg")


@pytest.mark.parametrize(
    ("values", "best", "horizon"),
    [
        ({1: 10, 2: 10, 4: 10}, 10, 1),
        ({1: 8, 2: 9.8, 3: 9.95, 4: 10}, 9, 3),
        ({1: 8, 4: 9}, 10, None),
        ({1: -10, 2: -9.05, 3: -9}, -9, 2),
    ],
)
def test_the_effective_horizon_is_the_least_within_one_percent_of_the_best(
    values: dict[int, float], best: float, horizon: int | None
) -> None:
    assert effective_horizon(values, best) == horizon
