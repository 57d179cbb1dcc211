"""Replay: the same samples as stable-baselines3's own buffer, from half of the memory."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.buffers import NStepReplayBuffer

from recloop.agents.replay import Replay

SIZE = 3
BOX = spaces.Box(-1, 1, (SIZE,), np.float32)


def replay(buffer_size: int, n_envs: int = 1, **options: Any) -> Replay:
    return Replay(buffer_size, BOX, spaces.Discrete(10), "cpu", n_envs, **options)


def add(buffer: Any, step: float, *, done: bool = False, cut_off: bool = False) -> None:
    """One step of one user: sees `step`, is rewarded with it; sees `step + 1` next."""
    here, there = (np.full((1, SIZE), value, np.float32) for value in (step, step + 1))
    infos = [{"TimeLimit.truncated": cut_off}]
    buffer.add(here, there, np.array([step % 10]), np.array([step]), np.array([done or cut_off]), infos)


def test_returns_of_several_steps_end_with_the_session() -> None:
    buffer = replay(100, n_steps=3, gamma=0.5)
    for step, done in ((1, False), (2, False), (3, True), (50, False), (51, False), (52, False)):
        add(buffer, step, done=done)
    sample = buffer._get_samples(np.array([0, 1, 2, 3, 4]))
    np.testing.assert_allclose(sample.rewards[:, 0], [1 + 1 + 0.75, 2 + 1.5, 3, 50 + 25.5 + 13, 51 + 26])
    np.testing.assert_allclose(sample.discounts[:, 0], [0.125, 0.25, 0.5, 0.125, 0.25])
    np.testing.assert_allclose(sample.next_observations[:, 0], [4, 4, 4, 53, 53])
    np.testing.assert_allclose(sample.dones[:, 0], [1, 1, 1, 0, 0])
    np.testing.assert_allclose(sample.first_rewards, [1, 2, 3, 50, 51])


def test_a_session_cut_off_bootstraps_from_its_own_last_observation() -> None:
    buffer = replay(100)
    add(buffer, 1, cut_off=True)
    add(buffer, 50)
    sample = buffer._get_samples(np.array([0]))
    assert (sample.next_observations[0, 0].item(), sample.dones.item()) == (2, 0)


def test_a_session_started_anew_from_outside_keeps_what_was_seen_last() -> None:
    buffer = replay(100)
    add(buffer, 1)
    add(buffer, 50)  # `learn` was called again
    assert buffer._get_samples(np.array([0])).next_observations[0, 0] == 2


def test_the_shortlist_is_that_of_the_next_observation_or_the_last_before_the_end() -> None:
    buffer = replay(100, shortlist=2, answers=1)
    for step, cut_off in ((1, False), (2, True), (50, False)):
        buffer.note(shortlists=np.array([[step, step + 1]]), answers=np.array([[step]], np.float32))
        add(buffer, step, cut_off=cut_off)
    sample = buffer._get_samples(np.array([0, 1, 2]))
    assert sample.next_shortlists.tolist() == [[2, 3], [2, 3], [50, 51]]
    assert sample.answers.tolist() == [[1], [2], [50]]


def test_a_transition_takes_half_of_the_memory() -> None:
    box = spaces.Box(-1, 1, (131,), np.float32)  # dim 64: state, exposure, situation
    arguments = (6400, box, spaces.Discrete(1682), "cpu", 64)
    own, theirs = Replay(*arguments), NStepReplayBuffer(*arguments)
    names = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
    assert sum(getattr(theirs, name).nbytes for name in names) / 6400 == 1068
    assert own.nbytes / 6400 == pytest.approx(546 + 2 * 524 * 64 / 6400)


def test_its_memory_saving_cannot_be_stable_baselines3s() -> None:
    with pytest.raises(ValueError, match="optimize_memory_usage is True; leave it out"):
        replay(10, optimize_memory_usage=True)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    buffer_size=st.integers(1, 12),
    n_envs=st.integers(1, 4),
    n_steps=st.integers(1, 4),
    steps=st.integers(1, 40),
    ends=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
)
def test_samples_are_those_of_stable_baselines3(
    seed: int, buffer_size: int, n_envs: int, n_steps: int, steps: int, ends: float
) -> None:
    rng = np.random.default_rng(seed)
    shared = (buffer_size * n_envs, BOX, spaces.Discrete(10), "cpu", n_envs)
    own = Replay(*shared, n_steps=n_steps, gamma=0.9)
    theirs = NStepReplayBuffer(*shared, n_steps=n_steps, gamma=0.9)
    seen = rng.standard_normal((n_envs, SIZE)).astype(np.float32)
    for _ in range(steps):
        done, cut_off = rng.random((2, n_envs)) < ends
        following = rng.standard_normal((n_envs, SIZE)).astype(np.float32)
        infos = [{"TimeLimit.truncated": bool(over and cut)} for over, cut in zip(done, cut_off, strict=True)]
        step = (seen, following, rng.integers(10, size=n_envs), rng.random(n_envs), done, infos)
        own.add(*step)
        theirs.add(*step)
        seen = np.where(done[:, None], rng.standard_normal((n_envs, SIZE)), following).astype(np.float32)
    samples: list[Any] = []
    for buffer in (own, resumed(own), theirs):
        np.random.seed(seed)  # noqa: NPY002
        samples.append(buffer.sample(32))
    for name in samples[-1]._fields:
        one, again, other = (getattr(sample, name).numpy() for sample in samples)
        np.testing.assert_array_equal(one, other, err_msg=name)
        np.testing.assert_array_equal(again, other, err_msg=name)


def resumed(buffer: Replay) -> Replay:
    """What goes on from the state of `buffer`."""
    size, n_envs = buffer.buffer_size * buffer.n_envs, buffer.n_envs
    fresh = Replay(size, BOX, spaces.Discrete(10), "cpu", n_envs, n_steps=buffer.n_steps, gamma=buffer.gamma)
    fresh.set_state(buffer.get_state())
    return fresh
