"""Policies that choose at random with known probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.agents.baselines import Greedy, Popularity, Random
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.ppo import PPOAgent
from recloop.agents.stochastic import Distribution, EpsilonGreedy, Sampled, Softmax, draw
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


class Scores:
    """The same three scores for everybody: log of 1, 2 and 5."""

    def scores(self, observation: Floats) -> Floats:
        return np.tile(np.log([1, 2, 5]).astype(np.float32), (len(observation), 1))


def distributions(task: Task, items: ItemSpace) -> dict[str, Distribution]:
    """One of each kind."""
    envs = GymnasiumVecEnv(RecommendVectorEnv(4, task))
    return {
        "epsilon-greedy": EpsilonGreedy(Greedy(items), 60, 0.2),
        "softmax": Softmax(Greedy(items), 0.1),
        "PPO": PPOAgent(num_envs=4, hidden=(16,), batch_size=128).learner(envs, items, 0, "cpu"),
        "PPO, plain head": PPOAgent(num_envs=4, head="mlp", hidden=(16,), batch_size=128).learner(
            envs, items, 0, "cpu"
        ),
    }


KINDS = ["epsilon-greedy", "softmax", "PPO", "PPO, plain head"]


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_of_all_items_and_add_up_to_one(
    kind: str, task: Task, items: ItemSpace, observations: Floats
) -> None:
    likely, _ = distributions(task, items)[kind].probabilities(observations)
    assert likely.shape == (50, 60)
    assert likely.dtype == np.float64
    assert (likely >= 0).all()
    np.testing.assert_allclose(likely.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_items_and_another_seed_others(
    kind: str, task: Task, items: ItemSpace, observations: Floats
) -> None:
    distribution = distributions(task, items)[kind]
    first, again, other = (Sampled(distribution, seed).predict(observations)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_epsilon_greedy_gives_every_item_its_share_of_epsilon(items: ItemSpace, observations: Floats) -> None:
    greedy, _ = Greedy(items).predict(observations)
    likely, _ = EpsilonGreedy(Greedy(items), 60, 0.3).probabilities(observations)
    np.testing.assert_allclose(likely[np.arange(50), greedy], 0.7 + 0.3 / 60)
    assert np.isclose(likely, 0.3 / 60).sum() == 50 * 59


def test_softmax_is_proportional_to_the_exponential_of_the_score() -> None:
    likely, _ = Softmax(Scores(), 1).probabilities(np.zeros((2, 1), np.float32))
    np.testing.assert_allclose(likely, [[1 / 8, 2 / 8, 5 / 8]] * 2, rtol=1e-6)
    colder, _ = Softmax(Scores(), 0.5).probabilities(np.zeros((1, 1), np.float32))
    np.testing.assert_allclose(colder, [[1 / 30, 4 / 30, 25 / 30]], rtol=1e-6)


def test_the_state_of_the_policy_inside_is_handed_on(items: ItemSpace) -> None:
    policy, observation = Sampled(EpsilonGreedy(Popularity(items), 60, 0.0), 0), np.zeros((3, 1), np.float32)
    first, state = policy.predict(observation, None, np.ones(3, bool))
    second, _ = policy.predict(observation, state, np.zeros(3, bool))
    order = np.argsort(-items.popularity, kind="stable")
    assert (first == order[0]).all()
    assert (second == order[1]).all()


def test_propensities_are_the_probabilities_of_what_was_drawn() -> None:
    policy = Sampled(Softmax(Scores(), 1), 0)
    items, _ = policy.predict(np.zeros((20_000, 1), np.float32))
    np.testing.assert_allclose(policy.propensities, np.array([1, 2, 5])[items] / 8, rtol=1e-6)
    np.testing.assert_allclose(np.bincount(items) / 20_000, [1 / 8, 2 / 8, 5 / 8], atol=0.015)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(any), st.floats(0, 1, exclude_max=True))
def test_what_has_no_probability_is_never_drawn(weights: list[float], uniform: float) -> None:
    likely = np.array([weights]) / np.sum(weights)
    assert likely[0, draw(likely, np.array([uniform]))[0]] > 0


@pytest.mark.parametrize("epsilon", [-0.1, 1.1])
def test_an_epsilon_that_is_no_share_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="it is a share, from 0 to 1"):
        EpsilonGreedy(Random(3, 0), 3, epsilon)


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="give a number above 0"):
        Softmax(Scores(), 0)
