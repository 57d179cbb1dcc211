"""Playing policies on the same users with the same luck."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.agents.baselines import Random
from recloop.agents.policy import Floats, Ints
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.experiments.evaluate import Luck, play

SESSIONS_PER_USER, STEPS, NUM_ITEMS = 2, 12, 30


class Always:
    """Recommends the same items whatever is observed, and remembers what it was asked."""

    def __init__(self, items: Ints) -> None:
        self.items, self.starts = items, list[np.ndarray]()

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        assert deterministic
        assert state == (None if not self.starts else len(self.starts))
        self.starts.append(episode_start)
        return self.items, len(self.starts)


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.synthetic(NUM_ITEMS, 8, max_steps=STEPS)


def of_twenty(task: Task) -> Simulator:
    return task.simulator.serving(task.simulator.population.of(np.arange(20)))


@pytest.fixture(scope="module")
def luck(task: Task) -> Luck:
    return Luck.draw(of_twenty(task), SESSIONS_PER_USER, seed=3)


def test_every_user_comes_equally_often(luck: Luck) -> None:
    assert luck.who.tolist() == [user for user in range(20) for _ in range(SESSIONS_PER_USER)]
    assert (luck.arrival.shape, luck.clicks.shape) == ((40, 8), (STEPS, 40))


def test_luck_is_the_seed_s_alone(task: Task, luck: Luck) -> None:
    same, other = (Luck.draw(of_twenty(task), SESSIONS_PER_USER, seed) for seed in (3, 4))
    np.testing.assert_array_equal(same.clicks, luck.clicks)
    np.testing.assert_array_equal(same.arrival, luck.arrival)
    assert not np.array_equal(other.clicks, luck.clicks)
    assert not np.array_equal(other.arrival, luck.arrival)


def test_the_same_policy_plays_the_same_sessions_again(task: Task, luck: Luck) -> None:
    first, second = (play(task, Random(NUM_ITEMS, 1), luck) for _ in range(2))
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)


@given(seed=st.integers(0, 10_000), changed=st.integers(0, 39))
def test_what_is_shown_to_one_user_changes_nobody_else_s_session(
    task: Task, luck: Luck, seed: int, changed: int
) -> None:
    items = np.random.default_rng(seed).integers(NUM_ITEMS, size=40)
    instead = items.copy()
    instead[changed] = (items[changed] + 1) % NUM_ITEMS
    before, after = (play(task, Always(shown), luck) for shown in (items, instead))
    others = np.arange(40) != changed
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[others], two[others])


def test_a_click_is_the_luck_below_the_enjoyment(task: Task, luck: Luck) -> None:
    sessions = play(task, Always(np.arange(40) % NUM_ITEMS), luck)
    under_way = sessions.items >= 0
    expected = sessions.rewards > luck.clicks.T  # the default reward is the enjoyment
    np.testing.assert_array_equal(sessions.clicks[under_way] == 1, expected[under_way])


def test_after_the_end_of_a_session_nothing_is_counted(task: Task, luck: Luck) -> None:
    bad = play(task, Always(np.zeros(40, int)), luck)
    over = np.cumsum(bad.items < 0, axis=1) > 0  # [sessions, steps]: from the first step that was not played
    assert 0 < over.sum() < over.size
    np.testing.assert_array_equal(bad.items < 0, over)
    assert not bad.clicks[over].any()
    assert not bad.rewards[over].any()
    assert (bad.rewards[~over] > 0).all()


def test_a_policy_is_told_of_the_start_once_and_gets_its_own_state_back(task: Task, luck: Luck) -> None:
    policy = Always(np.zeros(40, int))
    play(task, policy, luck)
    assert [start.all() for start in policy.starts] == [True] + [False] * (len(policy.starts) - 1)
    assert not any(start.any() for start in policy.starts[1:])


def test_who_played_is_said(task: Task, luck: Luck) -> None:
    sessions = play(task, Random(NUM_ITEMS, 0), luck)
    np.testing.assert_array_equal(sessions.users, luck.who)
    assert sessions.items.max() < NUM_ITEMS


def test_a_reward_that_is_no_number_is_named_by_its_user(
    task: Task, luck: Luck, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Task.step

    def spoiled(task: Task, *arguments: Any) -> Any:
        session, outcome = step(task, *arguments)
        outcome.reward[5] = np.nan
        return session, outcome

    monkeypatch.setattr(Task, "step", spoiled)
    with pytest.raises(FloatingPointError, match=rf"reward of user {luck.who[5]} is nan \(1 of 40\)"):
        play(task, Random(NUM_ITEMS, 1), luck)
