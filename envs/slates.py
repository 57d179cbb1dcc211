"""Slates as actions: several different items at once, each where it may stand."""

from typing import Any

import numpy as np
from gymnasium import spaces

from recloop.envs.catalog import Bools, Ints

MANY = 100_000
"""From so many items on, not every one gets a random number."""


class Slates(spaces.MultiDiscrete):
    """All slates of different items; one, or one for each of several users.

    A MultiDiscrete that draws no item twice, and contains no slate that does.

    Args:
        num_items: size of the catalog.
        slate: items shown at once.
        slots: which items may stand at each position, [slate, num_items]; None for any.
        num_envs: users, for actions [num_envs, slate]; None for actions [slate].
    """

    def __init__(self, num_items: int, slate: int, slots: Bools | None = None, num_envs: int | None = None) -> None:
        self.num_items, self.slate, self.slots, self.num_envs = num_items, slate, slots, num_envs
        super().__init__(np.full((slate,) if num_envs is None else (num_envs, slate), num_items))

    def sample(self, mask: Any = None, probability: Any = None) -> Ints:
        """Random slates; masks are not used, since `slots` says what may stand where."""
        slates = draw_slates(self.np_random, self.num_envs or 1, self.num_items, self.slate, self.slots)
        return slates[0] if self.num_envs is None else slates

    def contains(self, x: Any) -> bool:
        """Whether `x` is of this shape, names items that exist, none twice, each where it may stand."""
        return super().contains(x) and not unfit(np.asarray(x).reshape(-1, self.slate), self.num_items, self.slots)


def draw_slates(rng: np.random.Generator, n: int, num_items: int, slate: int, slots: Bools | None = None) -> Ints:
    """`n` slates of different items at random, filled from the top, [n, slate]."""
    if slots is None and num_items >= MANY:
        return _drawn_again(rng, n, num_items, slate)
    keys = rng.random((n, num_items))  # the highest one that fits is next
    slates = np.empty((n, slate), np.int64)
    for position in range(slate):
        slates[:, position] = (keys if slots is None else np.where(slots[position], keys, -1)).argmax(axis=1)
        np.put_along_axis(keys, slates[:, position, None], -1, axis=1)
    return slates


def _drawn_again(rng: np.random.Generator, n: int, num_items: int, slate: int) -> Ints:
    """Slates in which an item comes twice are drawn again."""
    slates, todo = np.empty((n, slate), np.int64), np.arange(n)
    while len(todo):
        slates[todo] = rng.integers(num_items, size=(len(todo), slate))
        ordered = np.sort(slates[todo], axis=1)
        todo = todo[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
    return slates


def unfit(slates: Ints, num_items: int, slots: Bools | None = None, noun: str = "item") -> str:
    """What is wrong with the first of `slates` [n, slate] that may not be shown, in words; empty if all may.

    `noun` says what the slates name: an item, or a position among the candidates.
    """
    ordered = np.sort(slates, axis=1)
    if ordered[:, 0].min() < 0 or ordered[:, -1].max() >= num_items:
        return f"{noun}s from {slates.min()} to {slates.max()}; choose from 0 to {num_items - 1}"
    twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)  # [n]
    if twice.any():
        return f"slate {slates[twice.argmax()].tolist()} names one {noun} twice; recommend different ones"
    if slots is not None and not (fit := slots[np.arange(slates.shape[1]), slates]).all():
        row, position = np.argwhere(~fit)[0].tolist()
        return f"item {slates[row, position]} may not stand at position {position}; see the task's slots"
    return ""
