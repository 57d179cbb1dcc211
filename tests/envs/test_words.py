"""A step in words."""

import numpy as np
import pytest

from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


@pytest.fixture
def env(task: Task) -> RecommendEnv:
    env = RecommendEnv(task, render_mode="ansi")
    env.reset(seed=0)
    return env


def test_before_the_first_step_a_user_has_come(env: RecommendEnv) -> None:
    assert env.render() == "A user has come (number 0); nothing recommended yet."


def test_a_click_is_told_with_its_chance_and_the_patience_left(env: RecommendEnv) -> None:
    env.step(np.int64(0))
    assert env.render() == (
        "Recommended A: clicked (chance 99%; affinity +1.00), not bored (boredom takes 0.00). Patience 100%."
    )


def test_boredom_and_leaving_are_told(env: RecommendEnv) -> None:
    told = []
    for item in (1, 1, 1):  # never clicked: a chance of 1 % at most
        env.step(np.int64(item))
        told.append(str(env.render()))
    assert "not clicked" in told[0]
    assert "Patience 60%" in told[0]
    assert "very bored of this kind (boredom takes 0.50)" in told[1]
    assert told[2].endswith("The user leaves.")


def test_a_session_whose_time_is_up_is_told(env: RecommendEnv) -> None:
    for _ in range(5):
        env.session = env.session._replace(users=env.session.users._replace(patience=np.ones(1, np.float32)))
        env.step(np.int64(1))
    assert str(env.render()).endswith("The session is over.")


def test_a_batch_tells_a_line_a_user(task: Task) -> None:
    env = RecommendVectorEnv(2, task, render_mode="ansi")
    env.reset(seed=0)
    env.step(np.array([0, 1]))
    lines = env.render()
    assert lines is not None
    assert [line.split(":")[0] for line in lines] == ["Recommended A", "Recommended B"]


def test_without_a_render_mode_nothing_is_told(task: Task) -> None:
    env = RecommendEnv(task)
    env.reset(seed=0)
    assert env.render() is None
