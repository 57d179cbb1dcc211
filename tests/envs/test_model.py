"""The world as a planner's model of it."""

import numpy as np
import pytest

from recloop.envs.model import TrueModel
from recloop.envs.task import Task


def test_a_click_counts_by_its_probability(task: Task) -> None:
    users = task.simulator.draw(1, np.random.default_rng(0))
    model = TrueModel(task)
    following, reward, goes_on = model.step(model.oracle.read(users), np.array([1]))
    chance = 1 / (1 + np.exp(10 * 0.5))  # of item B, which the user does not like
    assert (reward[0], goes_on[0]) == (pytest.approx(chance, rel=1e-5), 1)
    after = model.oracle.users(following)
    assert after.patience[0] == pytest.approx(min(1, 1 + 0.2 * chance - 0.4 * (1 - chance)), rel=1e-5)
    np.testing.assert_allclose(after.taste, [np.array([1, 0.1 * chance]) / np.hypot(1, 0.1 * chance)], rtol=1e-5)


def test_the_session_goes_on_until_its_last_step(task: Task) -> None:
    model = TrueModel(task)
    reading = model.oracle.read(task.simulator.draw(1, np.random.default_rng(0)))
    lasting = []
    for _ in range(5):
        reading, _, goes_on = model.step(reading, np.array([0]))
        lasting.append(float(goes_on[0]))
    assert lasting == [1, 1, 1, 1, 0]
