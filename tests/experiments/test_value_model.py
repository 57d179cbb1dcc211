"""Fitted Q evaluation, and what a policy makes of a log."""

import numpy as np
import pytest

from recloop.agents.baselines import Greedy
from recloop.agents.stochastic import EpsilonGreedy, Sampled, Softmax
from recloop.envs.task import Task
from recloop.experiments.evaluate import Luck
from recloop.experiments.logs import Log, record
from recloop.experiments.off_policy import decisions_evidence, sessions_evidence
from recloop.experiments.progress import Bar, Silent
from recloop.experiments.setting import item_space
from recloop.experiments.value_model import fit, read_log

ITEMS = 20


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.synthetic(ITEMS, 6, max_steps=4)


@pytest.fixture(scope="module")
def log(task: Task) -> Log:
    policy = Sampled(EpsilonGreedy(Greedy(item_space(task)), ITEMS, 0.6), 1)
    return record(task, policy, Luck.draw(task.simulator, 1, seed=2), Bar(Silent(), "log"))


def test_fitted_q_evaluation_of_a_chain_by_hand() -> None:
    # two states with a feature each, one action: reward 1 in the first, then 3 in the second, then the end
    taken, following = np.tile(np.eye(2), (500_000, 1)), np.tile([[0.0, 1.0], [0.0, 0.0]], (500_000, 1))
    rewards = np.tile([1.0, 3.0], 500_000)
    np.testing.assert_allclose(fit(taken, following, rewards, rounds=1), [1, 3], rtol=1e-5)
    np.testing.assert_allclose(fit(taken, following, rewards, rounds=2), [4, 3], rtol=1e-5)
    np.testing.assert_allclose(fit(taken, following, rewards, rounds=9), [4, 3], rtol=1e-5)


def test_the_logging_policy_gives_what_it_recommended_the_logged_propensities(task: Task, log: Log) -> None:
    space = item_space(task)
    reading = read_log(log, EpsilonGreedy(Greedy(space), ITEMS, 0.6), space)
    np.testing.assert_allclose(reading.chances[log.under_way], log.propensities[log.under_way])
    np.testing.assert_allclose(sessions_evidence(log, reading).ratios, 1)


def test_expected_features_are_those_of_the_items_that_are_recommended(task: Task, log: Log) -> None:
    space = item_space(task)
    policy = Greedy(space)
    reading = read_log(log, EpsilonGreedy(policy, ITEMS, 0.0), space)
    followed = reading.chances == 1
    assert followed.any()
    np.testing.assert_allclose(reading.expected[followed], reading.taken[followed], atol=1e-6)


def test_what_comes_after_the_end_counts_nothing(task: Task, log: Log) -> None:
    found = sessions_evidence(log, read_log(log, Softmax(Greedy(item_space(task)), 0.5), item_space(task)))
    after = ~log.under_way
    assert (found.ratios[after] == 1).all()
    for values in (found.rewards, found.of_action, found.of_state):
        assert not values[after].any()


def test_decisions_one_by_one_are_all_that_was_recommended(task: Task, log: Log) -> None:
    found = decisions_evidence(log, read_log(log, Softmax(Greedy(item_space(task)), 0.5), item_space(task)))
    assert found.rewards.shape == (log.steps.sum(), 1)
    np.testing.assert_array_equal(found.rewards[:, 0], log.rewards[log.under_way])
