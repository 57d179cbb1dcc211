"""The single and the batched environment, as somebody meets them who knows Gymnasium and nothing of recloop."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import recloop.envs  # noqa: F401 (registers)
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

NAME = "recloop/Recommend-v0"


def test_gymnasium_makes_the_single_environment() -> None:
    env = gymnasium.make(NAME, num_items=30, dim=4)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (2 * 4 + 3,)
    assert env.action_space == gymnasium.spaces.Discrete(30)


def test_gymnasium_makes_the_batched_environment_natively() -> None:
    envs = gymnasium.make_vec(NAME, num_envs=3, num_items=30, dim=4)
    assert isinstance(envs.unwrapped, RecommendVectorEnv)
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (3, 2 * 4 + 3)


def test_gymnasiums_own_name_for_the_length_of_a_session_works_in_both() -> None:
    single = gymnasium.make(NAME, max_episode_steps=2)
    single.reset(seed=0)
    assert [single.step(0)[3] for _ in range(2)] == [False, True]
    batch = gymnasium.make_vec(NAME, num_envs=2, max_episode_steps=2)
    batch.reset(seed=0)
    assert [batch.step(np.zeros(2, int))[3].tolist() for _ in range(2)] == [[False, False], [True, True]]


def test_a_task_of_ones_own_can_be_given(task: Task) -> None:
    env = gymnasium.make(NAME, task=task)
    assert env.action_space == gymnasium.spaces.Discrete(3)


@pytest.mark.parametrize("synthetic", [{"num_items": 30}, {"max_episode_steps": 3}])
def test_arguments_that_a_given_task_would_hide_are_refused(task: Task, synthetic: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a task is given"):
        RecommendVectorEnv(2, task, **synthetic)


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="render_mode is 'human'; choose None or 'ansi'"):
        RecommendEnv(render_mode="human")


def test_a_batch_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="num_envs is 0"):
        RecommendVectorEnv(0)


def test_gymnasiums_checker_finds_no_fault() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(NAME, render_mode="ansi").unwrapped)


def test_the_checker_of_stable_baselines3_finds_no_fault() -> None:
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(RecommendEnv())


def test_one_step_of_the_single_environment_by_hand(task: Task) -> None:
    env = RecommendEnv(task)
    env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(np.int64(0))
    assert reward == info["enjoyment"] == pytest.approx(1 / (1 + np.exp(-5)), rel=1e-5)
    assert (terminated, truncated, info["click"]) == (False, False, 1.0)
    assert observation.tolist() == pytest.approx([0.0995, 0.995, 1, 0, 0.2, 1, 0.2], rel=1e-3)


def test_the_single_environment_equals_a_batch_of_one_step_for_step() -> None:
    single, batch = RecommendEnv(), RecommendVectorEnv(1)
    one, many = single.reset(seed=7)[0], batch.reset(seed=7)[0]
    for item in np.random.default_rng(0).integers(200, size=100):
        np.testing.assert_array_equal(one, many[0])
        one, *alone, _ = single.step(item)
        many, *together, _ = batch.step(np.array([item]))
        assert alone == [field[0] for field in together]
        if alone[1] or alone[2]:
            one = single.reset()[0]


def played(seed: int, steps: int = 30, **options: Any) -> np.ndarray:
    """What a batch of four sees and is paid in a run of random recommendations."""
    env = RecommendVectorEnv(4, Task.synthetic(50, 4), **options)
    seen = [env.reset(seed=seed)[0].ravel()]
    for items in np.random.default_rng(0).integers(50, size=(steps, 4)):
        observations, rewards, *_ = env.step(items)
        seen += [observations.ravel(), rewards]
    return np.concatenate(seen)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    np.testing.assert_array_equal(played(1), played(1))
    assert not np.array_equal(played(1), played(2))


def test_a_reset_without_a_seed_goes_on_with_new_users() -> None:
    env = RecommendVectorEnv(4)
    first = env.reset(seed=0)[0]
    assert not np.array_equal(first, env.reset()[0])


def ended(env: RecommendVectorEnv) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Observations, who ended, and info of the first step in which a session ends."""
    env.reset(seed=0)
    while True:
        observations, _, terminated, truncated, info = env.step(env.action_space.sample())
        if (terminated | truncated).any():
            return observations, terminated | truncated, info
        assert info == {}


def test_a_session_that_ends_leaves_its_last_observation_and_its_score() -> None:
    env = RecommendVectorEnv(8, Task.synthetic(50, 4, max_steps=12))
    env.action_space.seed(0)
    observations, over, info = ended(env)
    assert 0 < over.sum() < 8
    np.testing.assert_array_equal(info["_final_obs"], over)
    np.testing.assert_array_equal([last is not None for last in info["final_obs"]], over)
    situation = env.layout["situation"]
    for row in np.flatnonzero(over):
        assert info["final_obs"][row][situation][0] == pytest.approx(info["session"]["steps"][row] / 12)
        assert observations[row][situation].tolist() == [0, 0, 0]
    assert (observations[~over][:, situation][:, 0] > 0).all()


def test_staggered_sessions_do_not_end_all_at_once() -> None:
    env = RecommendVectorEnv(40, Task.synthetic(max_steps=40), stagger=True)
    env.reset(seed=0)
    assert sorted(env.session.users.clock.tolist()) == list(range(40))


def test_gymnasiums_episode_statistics_agree_with_our_own() -> None:
    envs = RecordEpisodeStatistics(gymnasium.make_vec(NAME, num_envs=8, max_episode_steps=12))
    envs.reset(seed=0)
    returns, sessions = np.zeros(8), 0
    for items in np.random.default_rng(0).integers(200, size=(40, 8)):
        _, rewards, _, _, info = envs.step(items)
        returns += rewards
        if info:
            over = info["_episode"]
            np.testing.assert_array_equal(over, info["_session"])
            np.testing.assert_array_equal(info["episode"]["l"][over], info["session"]["steps"][over])
            np.testing.assert_allclose(info["episode"]["r"][over], returns[over], rtol=1e-5)
            returns[over], sessions = 0, sessions + int(over.sum())
    assert sessions >= 24


def test_a_state_put_back_replays_the_same_bits_in_another_environment() -> None:
    env, other = (RecommendVectorEnv(4, Task.synthetic(50, 4)) for _ in range(2))
    env.reset(seed=3)
    items = np.random.default_rng(0).integers(50, size=(40, 4))
    for row in items[:7]:
        env.step(row)
    state = env.get_state()
    first = [env.step(row)[:2] for row in items[7:]]
    other.set_state(state)
    again = [other.step(row)[:2] for row in items[7:]]
    for (observations, rewards), (same, paid) in zip(first, again, strict=True):
        np.testing.assert_array_equal(observations, same)
        np.testing.assert_array_equal(rewards, paid)


@pytest.mark.parametrize("actions", [[0, 1], [0, 1, 2, 3], [0, 1, -1], [0, 1, 200]])
def test_recommendations_that_do_not_fit_are_refused(actions: list[int]) -> None:
    env = RecommendVectorEnv(3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"for 3 users|choose from Discrete\(200\)"):
        env.step(np.array(actions))


@pytest.mark.parametrize("item", [-1, 200])
def test_a_recommendation_outside_the_catalog_is_refused(item: int) -> None:
    env = RecommendEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match=rf"item {item}; choose from Discrete\(200\)"):
        env.step(np.int64(item))
