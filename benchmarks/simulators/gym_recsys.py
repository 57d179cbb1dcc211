"""gym-recsys: who uses it brings the user model, here the mean of the user's vector and of the last clicked items'."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from gym_recsys import Env

DIM, USERS, HISTORY, SESSION = 64, 1000, 10, 40


def stepping(num_items: int) -> Callable[[int], None]:
    """Slates of one item and the item that stands for none; sessions of 40 steps."""
    rng = np.random.default_rng(0)
    items, users = _unit(rng, num_items), _unit(rng, USERS)
    items = np.concatenate([items, np.zeros((1, DIM), np.float32)])  # the last, -1, is none

    def state(user: int, clicked: deque[int]) -> Any:
        return (users[user] + items[list(clicked)].mean(axis=0)) / 2

    def reward(user: int, clicked: deque[int], slate: list[int]) -> Any:
        return items[slate] @ state(user, clicked)

    env = Env(np.arange(USERS), np.zeros(num_items, int), np.ones(num_items), HISTORY, 1, state, reward)
    actions = rng.integers(num_items, size=(4096, 1))
    return lambda steps: _step(env, actions, steps)


def _step(env: Any, actions: Any, steps: int) -> None:
    env.reset()
    for count in range(steps):
        env.step(actions[count % len(actions)])
        if count % SESSION == SESSION - 1:
            env.reset()


def _unit(rng: np.random.Generator, rows: int) -> Any:
    vectors = rng.standard_normal((rows, DIM), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
