"""The rows that need no training."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from recloop.encoders.projection import Projection
from recloop.envs.actions import Actions, Candidates, Items
from recloop.envs.choice import Cascade, Choice, Click, MultinomialLogit, PositionBias
from recloop.envs.dynamics import Drift
from recloop.envs.sessions import Patience
from recloop.envs.task import Task
from recloop.experiments.action_influence import action_influence
from recloop.experiments.baselines import play_baselines
from recloop.experiments.evaluate import Luck
from recloop.experiments.metrics import clicks_per_session, session_return
from recloop.experiments.planning_gap import GREEDY_ORACLE, PLANNER, RANDOM
from recloop.experiments.progress import Silent
from recloop.experiments.sessions import Key, Played
from recloop.experiments.setting import Setting

PROJECTION = Projection.fit(np.eye(4, dtype=np.float32), 2)
EVALUATION = SimpleNamespace(
    seed=1,
    boredom_weight=0.6,
    sparing_boredom_weight=0.5,
    sparing_price=0.5,
    planner_candidates=4,
    planner_horizon=8,
)


class Told(Silent):
    """Counts what it is told."""

    steps = 0

    def advanced(self, label: str, steps: int, note: str) -> None:
        self.steps += steps


@pytest.fixture(scope="module")
def setting() -> Setting:
    task = Task.synthetic(80, 8, max_steps=20)
    train, held_out = task.simulator.population.split(0.3, 0)
    return Setting(task.serving(train), task.serving(held_out), PROJECTION, {})


@pytest.fixture(scope="module")
def luck(setting: Setting) -> Luck:
    return Luck.draw(setting.held_out.simulator, 2, seed=5)


@pytest.fixture(scope="module")
def played(setting: Setting, luck: Luck) -> dict[Key, Played]:
    return {one.key: one for one in play_baselines(setting, luck, EVALUATION, Silent())}


def test_every_row_plays_every_held_out_user_with_the_same_luck(
    setting: Setting, luck: Luck, played: dict[Key, Played]
) -> None:
    members = set(setting.held_out.simulator.population.members.tolist())
    for one in played.values():
        assert set(one.sessions[0].users.tolist()) == members
        np.testing.assert_array_equal(one.sessions[0].users, luck.who)


def test_no_row_learned_and_each_has_one_set_of_sessions(played: dict[Key, Played]) -> None:
    assert {(one.trained, len(one.sessions), one.curves) for one in played.values()} == {(False, 1, ())}


def test_the_rows_by_what_they_see(played: dict[Key, Played]) -> None:
    rows: dict[str, list[str]] = {}
    for policy, sees in played:
        rows.setdefault(sees, []).append(policy)
    assert rows["-"] == ["random", "popularity"]
    assert {"similarity-greedy", "boredom-aware heuristic"} <= set(rows["observed"])
    assert {"greedy oracle", "boredom-aware heuristic", "rollout planner"} <= set(rows["true state"])


def test_the_planner_does_at_least_as_well_as_the_greedy_oracle(played: dict[Key, Played]) -> None:
    oracle, planner = (session_return(played[key].sessions[0]) for key in (GREEDY_ORACLE, PLANNER))
    assert planner >= oracle


def test_who_knows_the_hidden_state_does_better_than_chance(played: dict[Key, Played]) -> None:
    random, oracle = (clicks_per_session(played[key].sessions[0]) for key in (RANDOM, GREEDY_ORACLE))
    assert oracle > random + 1


def test_the_greedy_oracle_takes_the_best_of_all_first_steps(played: dict[Key, Played]) -> None:
    first = {key: one.sessions[0].rewards[:, 0] for key, one in played.items()}
    for rewards in first.values():
        assert (first[GREEDY_ORACLE] >= rewards - 1e-5).all()


def test_progress_is_told_row_by_row(setting: Setting, luck: Luck, played: dict[Key, Played]) -> None:
    told = Told()
    play_baselines(setting, luck, EVALUATION, told)
    assert told.steps == len(played)


CHOICES = [Click(10, 0.55), MultinomialLogit(3, 10, 0.55), Cascade(2, 0.9, 10, 0.55), PositionBias(3, 1.0, 10, 0.55)]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: type(choice).__name__)
@pytest.mark.parametrize("weights", [{}, {"novelty": 0.5, "retention": 1.0}], ids=["enjoyment", "other rewards"])
def test_every_row_plays_in_worlds_of_other_parts(choice: Choice, weights: dict[str, float]) -> None:
    task = Task.synthetic(30, 6, max_steps=6)
    simulator = replace(task.simulator, choice=choice, dynamics=(Drift(),))
    task = replace(task, simulator=simulator, reward=replace(task.reward, **weights))
    rows = {one.key: one.sessions[0] for one in play_baselines(where(task), few(task), EVALUATION, Silent())}
    assert len(rows) == 9
    first = {key: sessions.rewards[:, 0] for key, sessions in rows.items()}
    for rewards in first.values():
        assert (first[GREEDY_ORACLE] >= rewards - 1e-5).mean() > 0.9
        assert first[GREEDY_ORACLE].mean() >= rewards.mean() - 1e-5


def test_every_row_keeps_to_the_slots_of_a_slate() -> None:
    task = Task.synthetic(30, 6, max_steps=6)
    slots = np.zeros((3, 30), bool)
    slots[:2, :24], slots[2, 24:] = True, True  # the last place is for ads
    simulator = replace(task.simulator, choice=MultinomialLogit(3, 10, 0.55))
    task = replace(task, simulator=simulator, slots=slots)
    for one in play_baselines(where(task), few(task), EVALUATION, Silent()):
        items = one.sessions[0].items.reshape(-1, 3)
        shown = items[items[:, 0] >= 0]
        assert shown[:, :2].max() < 24 <= shown[:, 2].min(), one.key
        assert (shown[:, 0] != shown[:, 1]).all(), one.key


@pytest.mark.parametrize("actions", [Items(repeats=False), Candidates(False, retrieved=3, drawn=2)])
@pytest.mark.parametrize("slate", [1, 2])
@pytest.mark.parametrize("weights", [{}, {"novelty": 0.5, "retention": 1.0}], ids=["enjoyment", "other rewards"])
def test_no_row_shows_anything_twice_where_repeats_are_false(
    actions: Actions, slate: int, weights: dict[str, float]
) -> None:
    task = Task.synthetic(20, 6, max_steps=6, slate=slate)
    task = replace(task, reward=replace(task.reward, **weights), actions=actions)
    rows = play_baselines(where(task), few(task), EVALUATION, Silent())
    assert len(rows) == 9
    for one in rows:
        for items in one.sessions[0].items.tolist():
            shown = [item for item in items if item >= 0]
            assert len(set(shown)) == len(shown), one.key


def test_a_world_without_dynamics_is_no_bandit_where_nothing_is_shown_twice() -> None:
    task = Task.synthetic(60, 6, max_steps=6)
    still = replace(task, simulator=replace(task.simulator, dynamics=(), sessions=Patience(6, gain=0.0, loss=0.0)))
    assert action_influence(still) == 0
    assert action_influence(replace(still, actions=Items(repeats=False))) == 1


def where(task: Task) -> Setting:
    train, held_out = task.simulator.population.split(0.1, 0)
    return Setting(task.serving(train), task.serving(held_out), PROJECTION, {})


def few(task: Task) -> Luck:
    return Luck.draw(where(task).held_out.simulator, 1, seed=5)
