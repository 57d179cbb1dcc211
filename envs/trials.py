"""Trial runs of a task with random recommendations, which the checks look at."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from recloop.envs.catalog import Floats, Ints
from recloop.envs.slates import Slates, draw_slates
from recloop.envs.task import Outcome, Session, Task


class Seen(NamedTuple):
    """One step of a batch, below the environments."""

    before: Session
    items: Ints  # [n], or [n, slate]
    noise: Floats  # alike
    after: Session
    outcome: Outcome


def demand(holds: Any, seen: str) -> None:
    """Raise a ValueError that says what was `seen` unless something `holds`."""
    if not holds:
        raise ValueError(seen)


def recommendations(task: Task, seed: int, n: int) -> Iterator[np.ndarray]:
    """Random actions for `n` users at each step, for at least two sessions of any length."""
    rng = np.random.default_rng(seed)
    for _ in range(2 * task.simulator.sessions.max_steps + 1):
        yield said(task, rng, n)


def said(task: Task, rng: np.random.Generator, n: int) -> np.ndarray:
    """Random actions for one step."""
    space = task.actions.space
    if isinstance(space, spaces.Box):
        return rng.uniform(-1, 1, (n, *space.shape)).astype(np.float32)
    if isinstance(space, Slates):
        return draw_slates(rng, n, space.num_items, space.slate, space.slots)
    assert isinstance(space, spaces.Discrete)
    return rng.integers(space.n, size=n)


def some(task: Task, rng: np.random.Generator, n: int) -> Ints:
    """Random items for one step."""
    num_items, slate = task.simulator.world.num_items, task.simulator.choice.slate
    return rng.integers(num_items, size=n) if slate == 1 else draw_slates(rng, n, num_items, slate, task.slots)


def first_steps(task: Task, seed: int, n: int = 256, steps: int = 10) -> Iterator[Seen]:
    """The first steps of `n` users with random recommendations; every second user clicks whatever comes."""
    rng = np.random.default_rng(seed)
    session = task.arrive(task.simulator.draw(n, rng))
    for _ in range(steps):
        items = some(task, rng, n)
        noise = rng.random(items.shape, np.float32)
        noise[::2] = 0
        before, (session, outcome) = session, task.step(session, items, noise)
        yield Seen(before, items, noise, session, outcome)
