"""World, observation and reward together."""

import numpy as np
import pytest

from recloop.envs.observations import Pooled
from recloop.envs.rewards import Reward
from recloop.envs.task import Task
from recloop.envs.users import Population
from tests.envs.conftest import catalog


def test_the_reward_of_a_step_is_the_chance_of_the_click(task: Task) -> None:
    session = task.arrive(task.simulator.draw(1, np.random.default_rng(0)))
    _, outcome = task.step(session, np.array([0]), np.ones(1, np.float32))
    assert outcome.reward[0] == pytest.approx(1 / (1 + np.exp(-10 * (1 - 0.5))), rel=1e-5)
    assert outcome.response.click[0] == 0


def test_the_agent_may_read_another_space_than_the_world_feels(task: Task) -> None:
    read = catalog(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    other = Task(task.simulator, Pooled(read, np.array([[0, 0, 1]], np.float32), 5), Reward())
    outcomes = []
    for one in (task, other):
        session = one.arrive(one.simulator.draw(1, np.random.default_rng(0)))
        outcomes.append(one.step(session, np.array([2]), np.zeros(1, np.float32))[1])
    assert outcomes[0].reward == outcomes[1].reward


def test_catalogs_of_different_length_are_refused(task: Task) -> None:
    short = catalog(task.simulator.world.vectors[:2])
    with pytest.raises(ValueError, match="2 item vectors for 3 actions"):
        Task(task.simulator, Pooled(short, np.array([[0, 1]], np.float32), 5), Reward())


def test_serving_changes_who_comes_and_nothing_else(task: Task) -> None:
    other = task.serving(Population(np.array([[0, 1]], np.float32), np.array([0]), spread=0.0))
    assert other.simulator.draw(1, np.random.default_rng(0)).taste.tolist() == [[0, 1]]
    assert other.simulator.world is task.simulator.world
