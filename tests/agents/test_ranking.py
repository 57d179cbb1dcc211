"""The best items by a model's own values: all of them, and a shortlist."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from recloop.agents.dqn import DQNAgent
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.ppo import PPOAgent
from recloop.agents.ranking import Among, Exhaustive, Find, Nearest, Retrieved, Terms, features, terms_of, values_of_all
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from recloop.experiments.setting import item_space

Make = Callable[[Task, ItemSpace], BaseAlgorithm]

NOTHING = np.empty(0, np.int64)


def env(task: Task) -> GymnasiumVecEnv:
    return GymnasiumVecEnv(RecommendVectorEnv(4, task))


def ppo(task: Task, items: ItemSpace) -> BaseAlgorithm:
    return stirred(PPOAgent(num_envs=4, batch_size=128, hidden=(16,)).learner(env(task), items, 0, "cpu"))


def dqn(task: Task, items: ItemSpace) -> BaseAlgorithm:
    return stirred(DQNAgent(num_envs=4, hidden=(16,), buffer_steps=100).learner(env(task), items, 0, "cpu"))


def plain_ppo(task: Task, items: ItemSpace) -> BaseAlgorithm:
    return PPOAgent(num_envs=4, batch_size=128, head="mlp", hidden=(16,)).learner(env(task), items, 0, "cpu")


def plain_dqn(task: Task, items: ItemSpace) -> BaseAlgorithm:
    return DQNAgent(num_envs=4, head="mlp", hidden=(16,), buffer_steps=100).learner(env(task), items, 0, "cpu")


def stirred(model: BaseAlgorithm) -> BaseAlgorithm:
    """A little of everything is learned."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for values in model.policy.parameters():
            values.add_(0.1 * torch.randn(values.shape, generator=draw))
    return model


def all_of(items: ItemSpace) -> Find:
    """A search that finds everything."""

    def find(queries: Floats, k: int) -> Ints:
        return np.tile(np.arange(len(items.vectors)), (len(queries), 1))

    return find


def nothing(observations: Floats) -> list[Ints]:
    return [NOTHING] * len(observations)


@pytest.mark.parametrize("make", [ppo, dqn, plain_ppo, plain_dqn])
def test_the_best_item_is_the_one_that_the_policy_recommends(
    make: Make, task: Task, items: ItemSpace, observations: Floats
) -> None:
    model = make(task, items)
    best, values = Exhaustive(model).best(observations, 1, nothing(observations))
    np.testing.assert_array_equal(best[:, 0], model.predict(observations, deterministic=True)[0])
    np.testing.assert_array_equal(values[:, 0], values_of_all(model, observations).max(axis=1))


@pytest.mark.parametrize("make", [ppo, dqn])
def test_what_is_retrieved_has_the_value_that_the_whole_head_gives(
    make: Make, task: Task, items: ItemSpace, observations: Floats
) -> None:
    model = make(task, items)
    whole = values_of_all(model, observations)
    for row, terms in enumerate(terms_of(model, observations)):
        np.testing.assert_allclose(terms.values(items.vectors, items.quality), whole[row], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("make", [ppo, dqn])
def test_a_search_that_finds_everything_gives_what_the_whole_catalog_does(
    make: Make, task: Task, items: ItemSpace, observations: Floats
) -> None:
    model, without = make(task, items), [np.arange(row % 7) for row in range(len(observations))]
    expected, _ = Exhaustive(model).best(observations, 5, without)
    found, values = Retrieved(model, items, all_of(items)).best(observations, 5, without)
    assert (found == expected).mean() > 0.98  # float32 may turn two that are equal
    assert (np.diff(values, axis=1) <= 0).all()


@pytest.mark.parametrize("make", [ppo, plain_dqn])
def test_nobody_is_recommended_what_is_excluded_or_the_same_twice(
    make: Make, task: Task, items: ItemSpace, observations: Floats
) -> None:
    model, excluded = make(task, items), np.arange(0, 60, 2)
    best, _ = Exhaustive(model).best(observations, 30, [excluded] * len(observations))
    np.testing.assert_array_equal(np.sort(best, axis=1), np.tile(np.arange(1, 60, 2), (len(observations), 1)))


def test_of_equal_items_the_first_in_the_catalog_comes_first(
    task: Task, items: ItemSpace, observations: Floats
) -> None:
    model = plain_ppo(task, items)
    for values in model.policy.parameters():
        values.data.zero_()
    best, _ = Exhaustive(model).best(observations, 4, [np.array([1])] * len(observations))
    np.testing.assert_array_equal(best, np.tile([0, 2, 3, 4], (len(observations), 1)))


def test_every_place_gets_what_may_stand_there(task: Task, items: ItemSpace, observations: Floats) -> None:
    slots = np.zeros((2, 60), bool)
    slots[0, :10], slots[1, 10:] = True, True
    best, _ = Exhaustive(ppo(task, items), slots).best(observations, 5, nothing(observations))
    np.testing.assert_array_equal(best < 10, np.tile([True, False, True, False, True], (len(observations), 1)))


def test_a_search_that_finds_too_little_is_made_up_for(task: Task, items: ItemSpace, observations: Floats) -> None:
    def find(queries: Floats, k: int) -> Ints:
        return np.full((len(queries), k), -1)

    model = ppo(task, items)
    found, _ = Retrieved(model, items, find).best(observations[:3], 5, nothing(observations[:3]))
    expected, _ = Exhaustive(model).best(observations[:3], 5, nothing(observations[:3]))
    np.testing.assert_array_equal(found, expected)


def test_values_by_hand() -> None:
    directions = np.array([[2, 0], [1, 0], [0, 3]], np.float32)
    terms = Terms(directions, beta=0.5, delta=1.0, shift=1.0, scale=10.0, base=7.0)
    # 2 - 0.5 * 1 + 0.5 - 1 = 1 and 0 - 0 + 1 - 1 = 0
    vectors, quality = np.array([[1, 0], [0, 1]], np.float32), np.array([0.5, 1], np.float32)
    expected = [10 / (1 + np.exp(-1)) + 7, 10 * (0.5 + 3) + 7]
    np.testing.assert_allclose(terms.values(vectors, quality), expected, rtol=1e-6)


def test_a_query_is_the_gradient_of_the_value() -> None:
    rng = np.random.default_rng(0)
    terms = Terms(rng.normal(size=(3, 4)).astype(np.float32), 0.7, 1.3, 0.2, 1.0, 0.0)
    vector, quality, tiny = rng.normal(size=(1, 4)).astype(np.float32), np.array([0.4], np.float32), 1e-2
    query = terms.query(vector, quality)
    for axis, slope in enumerate(query[:-1]):
        step = np.zeros((1, 4), np.float32)
        step[0, axis] = tiny
        rise = terms.values(vector + step, quality) - terms.values(vector - step, quality)
        assert rise[0] / (2 * tiny) == pytest.approx(slope, abs=2e-3)
    rise = terms.values(vector, quality + np.float32(tiny)) - terms.values(vector, quality - np.float32(tiny))
    assert rise[0] / (2 * tiny) == pytest.approx(query[-1], abs=2e-3)


def test_features_are_vectors_and_what_quality_counts_beside_them(task: Task, items: ItemSpace) -> None:
    model = PPOAgent(num_envs=4, batch_size=128, hidden=(16,), scales=(20.0, 10.0, 2.0)).learner(
        env(task), items, 0, "cpu"
    )
    expected = np.column_stack([items.vectors, 0.1 * items.quality])
    np.testing.assert_allclose(features(model, items), expected, rtol=1e-5)


def plain(task: Task) -> PPO:
    return PPO("MlpPolicy", env(task), n_steps=8, batch_size=8, seed=0)


def test_among_candidates_the_best_is_what_the_policy_says() -> None:
    task = Task.synthetic(300, 8, action="candidates")
    model, users = plain(task), task.simulator.draw(20, np.random.default_rng(0))
    observations = task.read(task.arrive(users))
    ranking = Among(model, task.layout["candidates"])
    best, values = ranking.best(observations, 5, nothing(observations))
    expected = task.actions.items(model.predict(observations, deterministic=True)[0], observations)
    np.testing.assert_array_equal(best[:, 0], expected)
    assert (np.diff(values, axis=1) <= 0).all()
    again, _ = ranking.best(observations, 4, list(best[:, :1]))
    np.testing.assert_array_equal(again, best[:, 1:])
    with pytest.raises(ValueError, match="k is 101, but the agent chooses among 100 candidates"):
        ranking.best(observations, 101, nothing(observations))


def test_items_nearest_to_the_vector_said_come_first() -> None:
    task = Task.synthetic(60, 8, action="proto")
    model, users = plain(task), task.simulator.draw(20, np.random.default_rng(0))
    observations = task.read(task.arrive(users))
    ranking = Nearest(model, item_space(task))
    best, values = ranking.best(observations, 5, nothing(observations))
    expected = task.actions.items(model.predict(observations, deterministic=True)[0], observations)
    np.testing.assert_array_equal(best[:, 0], expected)
    assert (np.diff(values, axis=1) <= 0).all()
    again, _ = ranking.best(observations, 4, list(best[:, :1]))
    np.testing.assert_array_equal(again, best[:, 1:])
