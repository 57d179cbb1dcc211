"""Gymnasium's batch as stable-baselines3 wants it."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


def adapted(task: Task, num_envs: int = 8, seed: int = 0) -> GymnasiumVecEnv:
    env = GymnasiumVecEnv(RecommendVectorEnv(num_envs, task))
    env.seed(seed)
    return env


def test_it_plays_as_the_batch_plays(task: Task) -> None:
    env, plain = adapted(task), RecommendVectorEnv(8, task)
    np.testing.assert_array_equal(env.reset(), plain.reset(seed=0)[0])
    for items in np.random.default_rng(0).integers(60, size=(30, 8)):
        observations, rewards, done, _ = env.step(items)
        expected, paid, terminated, truncated, _ = plain.step(items)
        np.testing.assert_array_equal(observations, expected)
        np.testing.assert_array_equal(rewards, paid)
        np.testing.assert_array_equal(done, terminated | truncated)


def test_a_reset_seeds_once(task: Task) -> None:
    env = adapted(task)
    assert not np.array_equal(env.reset(), env.reset())


def test_a_finished_session_carries_its_last_observation_and_its_score(task: Task) -> None:
    env, twin = adapted(task), RecommendVectorEnv(8, task)
    env.reset()
    twin.reset(seed=0)
    returns, lengths, finished = np.zeros(8), np.zeros(8), 0
    for items in np.random.default_rng(0).integers(60, size=(60, 8)):
        observations, rewards, done, infos = env.step(items)
        assert isinstance(observations, np.ndarray)
        info = twin.step(items)[4]
        returns, lengths = returns + rewards, lengths + 1
        for row in np.flatnonzero(done).tolist():
            last = infos[row]["terminal_observation"]
            np.testing.assert_array_equal(last, info["final_obs"][row])
            assert not np.array_equal(last, observations[row])
            episode = infos[row]["episode"]
            assert episode["r"] == pytest.approx(returns[row])
            assert episode["l"] == lengths[row] == episode["steps"]
            returns[row], lengths[row], finished = 0, 0, finished + 1
        assert all(infos[row] == {} for row in np.flatnonzero(~done))
    assert finished > 8


@pytest.mark.parametrize(("max_steps", "cut_off"), [(5, True), (40, False)])
def test_only_a_session_that_is_cut_off_counts_as_truncated(max_steps: int, cut_off: bool) -> None:
    env = adapted(Task.synthetic(60, 8, max_steps=max_steps))  # who never clicks leaves after 10 steps
    env.reset()
    flags = [
        info["TimeLimit.truncated"]
        for items in np.random.default_rng(0).integers(60, size=(60, 8))
        for info in env.step(items)[3]
        if info
    ]
    assert flags
    assert set(flags) == {cut_off}


def test_a_batch_that_resets_in_the_next_step_is_refused() -> None:
    cart_poles = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")])
    with pytest.raises(ValueError, match="resets in the same step, this environment in mode"):
        GymnasiumVecEnv(cart_poles)


def test_any_batch_that_resets_in_the_same_step_will_do() -> None:
    makers = [lambda: gymnasium.make("CartPole-v1")] * 2
    env = GymnasiumVecEnv(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP))
    env.seed(0)
    env.reset()
    episodes = [info["episode"] for _ in range(60) for info in env.step(np.ones(2, np.int64))[3] if info]
    assert episodes
    assert all(episode["r"] == episode["l"] for episode in episodes)


def test_attributes_and_methods_reach_the_batch(task: Task) -> None:
    env = adapted(task, num_envs=2)
    env.reset()
    assert env.get_attr("num_envs") == [2, 2]
    env.set_attr("render_mode", "ansi")
    (lines,) = env.env_method("render")
    assert len(lines) == 2
    assert env.env_is_wrapped(gymnasium.Wrapper) == [False, False]
