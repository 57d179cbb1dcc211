"""One user and three items in a plane, group by group: what a part is handed."""

from typing import Any

import numpy as np

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.dynamics import Event, Part
from recloop.envs.users import Population, Users
from tests.envs.conftest import catalog

A, B, C = 0, 1, 2
"""A and C are comedies, B is a drama; C is of higher quality than the others, A more popular."""


def world(**columns: Any) -> Catalog:
    return catalog(**{"groups": ["comedy", "drama", "comedy"], **columns})


def population(**changes: Any) -> Population:
    return Population(np.array([[1, 0]], np.float32), np.array([0]), spread=0.0, **changes)


def users(n: int = 1, clock: int = 0) -> Users:
    arrived = population().arrive(np.zeros(n, np.int64), np.zeros((n, 2), np.float32))
    return arrived._replace(clock=np.full(n, clock))


def event(*items: int, clicks: list[float] | None = None) -> Event:
    """One user is shown a slate; by default every item is clicked."""
    chosen, answers = np.array([items]), np.array([clicks or [1.0] * len(items)], np.float32)
    vectors = world().vectors[chosen[0]]  # [slate, dim]
    return Event(chosen, answers, vectors.mean(axis=0)[None], (answers[0][:, None] * vectors).sum(axis=0)[None])


def begun(part: Part, world: Catalog, noise: float = 0.0, **changes: Any) -> Floats:
    """What the part remembers of one user who has come."""
    luck = np.full((1, part.luck(world)), noise, np.float32)
    own = part.begin(users(), luck, world, population(**changes))
    assert own.shape == (1, part.columns(world))
    return own


def cost(part: Part, own: Floats, item: int, world: Catalog) -> float:
    costs = part.cost(users(), own, np.array([item]), world)
    return 0.0 if costs is None else float(costs[0])


def after(part: Part, own: Floats, world: Catalog, *events: Event, clock: int = 0) -> Floats:
    """What it remembers after the events, a step each; it never writes into what it is handed."""
    for step, happened in enumerate(events, start=clock):
        before = own.copy()
        own, handed = part.remember(users(clock=step), own, happened, world), own
        np.testing.assert_array_equal(handed, before)
    return own
