"""An upper bound that is one."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from recloop.agents.baselines import Greedy
from recloop.agents.policy import Policy
from recloop.envs.dynamics import Boredom, Drift, Part
from recloop.envs.sessions import Patience
from recloop.envs.task import Task
from recloop.experiments.baselines import baselines
from recloop.experiments.clairvoyant import clairvoyant_bound
from recloop.experiments.evaluate import Luck, play
from recloop.experiments.setting import item_space

EVALUATION = SimpleNamespace(seed=1, boredom_weight=0.6, sparing_boredom_weight=0.5, sparing_price=0.5)
STEPS = 12


def world(*dynamics: Part, leaving: bool = True, enjoyment: float = 1.0, novelty: float = 0.0) -> Task:
    task = Task.synthetic(40, 6, max_steps=STEPS, enjoyment=enjoyment, novelty=novelty)
    patience = Patience(STEPS) if leaving else Patience(STEPS, gain=0.0, loss=0.0)
    return replace(task, simulator=replace(task.simulator, dynamics=dynamics, sessions=patience))


def luck(task: Task) -> Luck:
    return Luck.draw(task.simulator, 1, seed=3)


@pytest.mark.parametrize(
    "dynamics",
    [(), (Drift(),), (Boredom(),), (Boredom(), Drift()), (Drift(rate=0.5), Boredom(weight=0.1))],
    ids=lambda parts: "+".join(type(part).__name__ for part in parts) or "none",
)
def test_nobody_gets_more_than_the_bound(dynamics: tuple[Part, ...]) -> None:
    task = world(*dynamics)
    known, true = baselines(task, EVALUATION), task.seeing_everything()
    bound, _ = clairvoyant_bound(task, luck(task))
    policies: list[Policy] = [known.oracle, *known.true.values(), known.planner(next(iter(known.true)), 5, 6)]
    for policy in policies:
        returns = play(true, policy, luck(task)).rewards.sum(axis=1)
        assert (returns <= bound + 1e-4).all()


def test_where_nothing_changes_and_nobody_leaves_the_greedy_oracle_reaches_it() -> None:
    task = world(leaving=False)
    true = task.seeing_everything()
    oracle = Greedy(item_space(true), quality_weight=1 / 10)
    bound, relaxed = clairvoyant_bound(task, luck(task))
    np.testing.assert_allclose(play(true, oracle, luck(task)).rewards.sum(axis=1), bound, rtol=1e-4)
    assert relaxed.startswith("nobody is bored or leaves")


def test_the_more_taste_may_drift_the_higher_the_bound() -> None:
    bounds = [
        clairvoyant_bound(task, luck(task))[0].mean() for task in (world(Drift(rate=rate)) for rate in (0, 0.05, 1.5))
    ]
    assert bounds[0] < bounds[1] < bounds[2]


def test_the_bound_follows_the_weight_of_the_reward() -> None:
    one, three = (clairvoyant_bound(task, luck(task))[0] for task in (world(), world(enjoyment=3.0)))
    np.testing.assert_allclose(three, 3 * one)


def test_in_a_world_that_is_not_known_each_step_counts_the_greatest_reward() -> None:
    task = world(Boredom(), novelty=0.5)
    bound, relaxed = clairvoyant_bound(task, luck(task))
    np.testing.assert_allclose(bound, STEPS * 1.5)
    assert relaxed == "every step has the greatest reward, nobody leaves"
