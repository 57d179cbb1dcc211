"""Steps a second of the environment alone, under actions drawn beforehand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium

from benchmarks.measure import Pace, in_turn, typical
from benchmarks.scope import Scope
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


class Way(NamedTuple):
    """One way to step users."""

    users: int
    goal: int  # user steps a second
    run: Callable[[], int]


def measure(scope: Scope) -> list[dict[str, Any]]:
    """Of 1,024 and 64 users and of the single environment."""
    task, calls = scope.task, scope.scale
    ways = {
        "1,024 users": Way(1024, 2_000_000, stepping(task, 1024, round(1_000 * calls))),
        "64 users": Way(64, 400_000, stepping(task, 64, round(5_000 * calls))),
        "single, RecommendEnv": Way(1, 30_000, single(RecommendEnv(task), round(20_000 * calls))),
        "single, gym.make": Way(1, 30_000, single(_made(task), round(20_000 * calls))),
    }
    paces = in_turn({name: way.run for name, way in ways.items()}, scope.repeats)
    return [_row(name, way, typical(paces[name])) for name, way in ways.items()]


def _row(name: str, way: Way, pace: Pace) -> dict[str, Any]:
    call = 1e6 * way.users / pace.cpu
    goals = {"goal": way.goal, "of_goal": pace.wall / way.goal}
    return {"name": name, "users": way.users, **goals, **pace._asdict(), "cpu_microseconds_a_call": call}


def _made(task: Task) -> gymnasium.Env[Any, Any]:
    return gymnasium.make("recloop/Recommend-v0", task=task)


def stepping(task: Task, users: int, calls: int) -> Callable[[], int]:
    """What steps so many users so often, and returns how many user steps that were."""
    env = RecommendVectorEnv(users, task, stagger=True)
    env.reset(seed=0)
    actions = _drawn(env.action_space, calls)

    def run() -> int:
        for call in range(calls):
            env.step(actions[call % len(actions)])
        return calls * users

    return run


def single(env: gymnasium.Env[Any, Any], calls: int) -> Callable[[], int]:
    """What steps one user so often."""
    actions = _drawn(env.action_space, calls)
    env.reset(seed=0)

    def run() -> int:
        for call in range(calls):
            _, _, terminated, truncated, _ = env.step(actions[call % len(actions)])
            if terminated or truncated:
                env.reset()
        return calls

    return run


def _drawn(space: gymnasium.Space[Any], calls: int) -> list[Any]:
    """Actions at random, taken over and over."""
    space.seed(0)
    return [space.sample() for _ in range(min(calls, 100))]
