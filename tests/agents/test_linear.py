"""The linear bandits: ridge regression, bounds, beliefs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from recloop.agents.lin_ucb import LinUCBAgent, LinUCBPolicy
from recloop.agents.linear import LinearPolicy
from recloop.agents.online import OnlineLearner
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.replay import Replay
from recloop.agents.thompson import ThompsonAgent, ThompsonPolicy
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

AGENTS = pytest.mark.parametrize("agent", [LinUCBAgent(4), ThompsonAgent(4)], ids=["LinUCB", "Thompson"])
PAIR = ItemSpace(
    np.eye(2, dtype=np.float32),
    np.array([0.5, 0.0], np.float32),
    np.full(2, 0.5, np.float32),
    {"state": slice(0, 2), "exposure": slice(2, 4)},
)
"""Two items that have nothing in common."""


def learner(agent: LinUCBAgent | ThompsonAgent, task: Task, items: ItemSpace) -> OnlineLearner:
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task)), items, seed=0, device="cpu")


def policy_of(items: ItemSpace, kind: type[LinearPolicy] = LinUCBPolicy, **settings: Any) -> Any:
    size = max(block.stop for block in items.layout.values())
    space, actions = spaces.Box(-9, 9, (size,)), spaces.Discrete(len(items.vectors))
    how = {"spread": 0.3} if kind is ThompsonPolicy else {"confidence": 0.3, "explore_best": 10**6}
    return kind(space, actions, items=items, **{"ridge": 1.0, **how, **settings})


def taught(policy: LinearPolicy, observations: Floats, actions: Ints, rewards: Floats) -> float:
    """One step of as many users as there are observations."""
    n = len(actions)
    replay = Replay(n, policy.observation_space, policy.action_space, "cpu", n)
    replay.add(observations, observations, actions, rewards, np.zeros(n), [{}] * n)
    return policy.fit(replay, 1)


def features(items: ItemSpace, observations: Floats, actions: Ints) -> NDArray[np.float64]:
    e, state = items.vectors[actions], observations[:, items.layout["state"]]
    bored = np.maximum(0, (observations[:, items.layout["exposure"]] * e).sum(1))
    rest = (state * e).sum(1), items.quality[actions], np.ones(len(e)), bored
    return np.concatenate([state * e, e, np.stack(rest, 1)], axis=1).astype(np.float64)


def scored(policy: LinearPolicy, observations: Floats) -> tuple[Floats, Floats]:
    """Means and deviations of all items."""
    seen = torch.as_tensor(observations)
    state, bored = seen[:, policy.layout["state"]], torch.relu(seen[:, policy.layout["exposure"]] @ policy.vectors.T)
    means = policy.means(policy.theta, state, policy.table, bored)
    return means.numpy(), policy.deviations(state, policy.table, bored).numpy()


def test_after_one_reward_the_model_is_that_of_sherman_and_morrison() -> None:
    policy, seen = policy_of(PAIR), np.array([[1, 0, 2, 0]], np.float32)
    x = np.array([1, 0, 1, 0, 1, 0.5, 1, 2])  # |x|^2 = 8.25
    assert taught(policy, seen, np.array([0]), np.ones(1, np.float32)) == 1  # nothing was expected
    np.testing.assert_allclose(policy.theta, x / 9.25, rtol=1e-6)
    means, deviations = scored(policy, seen)
    np.testing.assert_allclose(means[0], [8.25 / 9.25, 1 / 9.25], rtol=1e-6)  # of the other only the constant is known
    np.testing.assert_allclose(deviations[0] ** 2, [8.25 / 9.25, 2 - 1 / 9.25], rtol=1e-5)


def test_means_and_deviations_are_those_of_ridge_regression_in_numpy(items: ItemSpace, observations: Floats) -> None:
    policy, rng = policy_of(items, ridge=0.7), np.random.default_rng(1)
    actions, rewards = rng.integers(60, size=50), rng.random(50, np.float32)
    taught(policy, observations, actions, rewards)
    x = features(items, observations, actions)
    inverse = np.linalg.inv(0.7 * np.eye(x.shape[1]) + x.T @ x)
    theta = inverse @ x.T @ rewards
    every = np.stack([features(items, observations, np.full(50, item)) for item in range(60)], axis=1)
    means, deviations = scored(policy, observations)
    np.testing.assert_allclose(means, every @ theta, rtol=1e-3, atol=1e-4)
    expected = np.sqrt(np.einsum("naf,fg,nag->na", every, inverse, every))
    np.testing.assert_allclose(deviations, expected, rtol=1e-3, atol=1e-4)
    bounds = np.argmax(every @ theta + 0.3 * expected, axis=1)
    assert np.array_equal(policy.predict(observations, deterministic=False)[0], bounds)
    assert np.array_equal(policy.predict(observations, deterministic=True)[0], np.argmax(every @ theta, axis=1))


def test_two_batches_teach_what_one_does(items: ItemSpace, observations: Floats) -> None:
    actions, rewards = np.arange(50), np.linspace(0, 1, 50, dtype=np.float32)
    once, twice = policy_of(items), policy_of(items)
    taught(once, observations, actions, rewards)
    taught(twice, observations[:20], actions[:20], rewards[:20])
    taught(twice, observations[20:], actions[20:], rewards[20:])
    torch.testing.assert_close(once.precision, twice.precision)
    torch.testing.assert_close(once.evidence, twice.evidence)


def test_beliefs_have_the_mean_and_the_covariance_of_the_posterior(items: ItemSpace, observations: Floats) -> None:
    torch.manual_seed(0)
    policy = policy_of(items, ThompsonPolicy, ridge=2.0)
    taught(policy, observations, np.arange(50), np.ones(50, np.float32))
    drawn = policy.beliefs(40_000).double()
    np.testing.assert_allclose(drawn.mean(0), policy.theta, atol=0.01)
    np.testing.assert_allclose(torch.cov(drawn.T), 0.09 * torch.linalg.inv(policy.precision), atol=0.004)


def test_bounds_are_computed_of_the_best_items_only(items: ItemSpace, observations: Floats) -> None:
    policy = policy_of(items, confidence=1e3, explore_best=3)
    taught(policy, observations, np.arange(50), np.linspace(0, 1, 50, dtype=np.float32))
    best = np.argsort(-scored(policy, observations)[0], axis=1)[:, :3]
    chosen, _ = policy.predict(observations, deterministic=False)
    assert all(item in row for item, row in zip(chosen, best, strict=True))
    assert not np.array_equal(chosen, best[:, 0])


@pytest.mark.parametrize("kind", [LinUCBPolicy, ThompsonPolicy])
def test_of_candidates_the_position_of_the_best_is_chosen(
    kind: type[LinearPolicy], items: ItemSpace, observations: Floats
) -> None:
    size, rng = observations.shape[1], np.random.default_rng(2)
    offering = replace(items, layout={**items.layout, "candidates": slice(size, size + 5)})
    offered = np.stack([rng.permutation(60)[:5] for _ in observations])  # [50, 5]
    seen = np.concatenate([observations, offered.astype(np.float32)], axis=1)
    whole, policy = policy_of(items, kind), policy_of(offering, kind)
    actions = rng.integers(5, size=50)
    taught(policy, seen, actions, np.linspace(0, 1, 50, dtype=np.float32))
    whole.load_state_dict(policy.state_dict())
    np.testing.assert_allclose(
        whole.precision - torch.eye(whole.size),
        (x := features(items, observations, offered[np.arange(50), actions])).T @ x,
        rtol=1e-4,
        atol=1e-4,
    )
    means, _ = scored(whole, observations)
    best = np.take_along_axis(means, offered, axis=1).argmax(axis=1)
    assert np.array_equal(policy.predict(seen, deterministic=True)[0], best)
    explored, _ = policy.predict(seen, deterministic=False)
    assert explored.min() >= 0
    assert explored.max() < 5


@AGENTS
def test_weights_do_not_grow_with_the_catalog(agent: LinUCBAgent | ThompsonAgent, task: Task, items: ItemSpace) -> None:
    state = learner(agent, task, items).policy.state_dict()
    assert {name: tuple(values.shape) for name, values in state.items()} == {"precision": (20, 20), "evidence": (20,)}


@AGENTS
def test_a_model_that_learns_chooses_the_same_again_for_the_same_seed(
    agent: LinUCBAgent | ThompsonAgent, task: Task, items: ItemSpace, observations: Floats
) -> None:
    once, again = (learner(agent, task, items).learn(200) for _ in range(2))
    assert torch.equal(once.policy.precision, again.policy.precision)  # type: ignore[arg-type]
    chosen, other = (model.predict(observations, deterministic=True)[0] for model in (once, again))
    assert np.array_equal(chosen, other)


@AGENTS
def test_slates_are_refused(agent: LinUCBAgent | ThompsonAgent, task: Task, items: ItemSpace) -> None:
    with pytest.raises(ValueError, match=r"recommends one item at once, and not 3; choose agent=ppo"):
        learner(agent, task, replace(items, slate=3))
