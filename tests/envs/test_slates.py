"""Slates: different items, each where it may stand."""

import numpy as np
import pytest

from recloop.envs.choice import MultinomialLogit
from recloop.envs.observations import Pooled
from recloop.envs.recommend import RecommendEnv
from recloop.envs.rewards import Reward
from recloop.envs.simulator import Simulator
from recloop.envs.slates import Slates
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

SLOTS = np.array([[1, 1, 0, 0], [0, 1, 1, 1]], bool)


def task(slots: np.ndarray | None = None) -> Task:
    whole = Task.synthetic(4, 2, max_steps=3)
    simulator = whole.simulator
    slates = Simulator(
        simulator.world, simulator.population, MultinomialLogit(2), simulator.dynamics, simulator.sessions
    )
    return Task(slates, Pooled(simulator.world, simulator.population.tastes, 3), Reward(), slots)


@pytest.mark.parametrize("num_envs", [None, 5])
def test_what_is_drawn_is_contained(num_envs: int | None) -> None:
    space = Slates(4, 2, SLOTS, num_envs)
    space.seed(0)
    drawn = [space.sample() for _ in range(50)]
    assert all(slates in space for slates in drawn)
    assert len({tuple(slates.reshape(-1)[:2]) for slates in drawn}) == 5  # 0 with 1, 2, 3; 1 with 2, 3


def test_every_slate_is_drawn_as_often() -> None:
    space = Slates(3, 2, num_envs=6000)
    space.seed(0)
    counts = np.unique(space.sample(), axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert abs(counts - 1000).max() < 150


@pytest.mark.parametrize("slate", [[1, 1], [0, 4], [-1, 0]])
def test_no_item_twice_and_none_that_is_not_there(slate: list[int]) -> None:
    assert np.array(slate) not in Slates(4, 2)
    for env, action in ((RecommendEnv(task()), slate), (RecommendVectorEnv(1, task()), [slate])):
        env.reset(seed=0)
        with pytest.raises(ValueError, match="item"):
            env.step(np.array(action))


def test_an_item_stands_where_it_may() -> None:
    env = RecommendVectorEnv(1, task(SLOTS))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="item 3 may not stand at position 0"):
        env.step(np.array([[3, 2]]))


def test_slots_that_cannot_be_filled_are_refused() -> None:
    with pytest.raises(ValueError, match="1 items fit position 0 of 2"):
        task(np.array([[1, 0, 0, 0], [1, 1, 1, 1]], bool))


def test_slots_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"slots are \(2, 3\)"):
        task(SLOTS[:, :3])
