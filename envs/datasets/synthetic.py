"""A made-up catalog of any size, a million items for instance, that brings its own vectors."""

import hashlib
from dataclasses import dataclass

import numpy as np

from recloop.envs.catalog import Floats, Ints, unit
from recloop.envs.datasets.dataset import Attributes, Dataset, OwnVectors
from recloop.envs.interactions import Interactions
from recloop.envs.made import Made

_FAVOURITES = 3
"""Groups that a user likes."""

_ROWS = 65_536
"""Vectors drawn at a time."""


@dataclass(frozen=True)
class Synthetic:
    """Items around the centres of groups, and users who like three groups; no text needs to be read.

        vector = unit(centre[group] + apart * noise / sqrt(dim))         centres are uniform on the unit sphere
        rating = 2.3 + 2 * (group is liked) + quality[item] / 2 + noise / 2          in whole stars from 1 to 5

    Item i belongs to group i modulo `num_groups`. Seven interactions in ten are with a group that the user likes, the
    others with any group; within a group the chance of its r-th item falls as 1 / r, the long tail. Quality and noise
    are standard normal. Titles are written when they are asked for, vectors group after group of rows, so that a
    million items take no more than their vectors.

    Args:
        num_items: size of the catalog.
        dim: size of an item vector.
        num_groups: centres.
        apart: length of what tells the items of a group apart, beside the centre's length of 1.
        num_users: people who have rated.
        ratings_per_user: length of each history.
        seed: of everything.
    """

    num_items: int = 1_000_000
    dim: int = 64
    num_groups: int = 1_000
    apart: float = 0.7
    num_users: int = 600
    ratings_per_user: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, least in (("dim", 2), ("num_groups", _FAVOURITES), ("num_users", 2), ("ratings_per_user", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; give a whole number of {least} or more")
        if self.num_items < self.num_groups:
            raise ValueError(f"num_items is {self.num_items}; give one a group or more, {self.num_groups}")
        if self.seed < 0 or self.apart < 0:
            raise ValueError(f"seed is {self.seed} and apart is {self.apart}; give numbers of 0 or more")

    def read(self) -> Dataset:
        """Draw the users and what they did; the items are drawn when their vectors are asked for."""
        settings = hashlib.sha256(f"{self!r} version 1".encode()).hexdigest()
        return Dataset(
            name=f"synthetic, {self.num_items:,} items",
            items=Made(self.num_items, self._item),
            users=[{"about": ""} for _ in range(self.num_users)],
            interactions=self._interactions(),
            fingerprint=settings,
            vectors=OwnVectors(settings, self.vectors),
        )

    def vectors(self) -> Floats:
        """Unit vectors of the items, [num_items, dim]."""
        rng = np.random.default_rng([self.seed, 0])
        centres = unit(rng.standard_normal((self.num_groups, self.dim), np.float32))
        found = np.empty((self.num_items, self.dim), np.float32)
        length = np.float32(self.apart / np.sqrt(self.dim))
        for start in range(0, self.num_items, _ROWS):
            rows = np.arange(start, min(start + _ROWS, self.num_items))
            noise = rng.standard_normal((len(rows), self.dim), np.float32)
            found[rows] = unit(centres[rows % self.num_groups] + length * noise)
        return found

    def _item(self, row: int) -> Attributes:
        rank, group = divmod(row, self.num_groups)
        title = f"item {rank} of group {group}"
        return {"title": title, "text": title, "group": f"group {group}"}

    def _interactions(self) -> Interactions:
        rng = np.random.default_rng([self.seed, 1])
        shape = self.num_users, self.ratings_per_user
        liked = rng.integers(self.num_groups, size=(self.num_users, _FAVOURITES))
        own = np.take_along_axis(liked, rng.integers(_FAVOURITES, size=shape), axis=1)  # [num_users, ratings_per_user]
        groups = np.where(rng.random(shape) < 0.7, own, rng.integers(self.num_groups, size=shape))
        items = self._from(groups, rng)
        quality = np.random.default_rng([self.seed, 2]).standard_normal(self.num_items)
        pleased = (groups[:, :, None] == liked[:, None]).any(axis=2)
        stars = 2.3 + 2 * pleased + (quality[items] + rng.standard_normal(shape)) / 2
        users = np.repeat(np.arange(self.num_users), self.ratings_per_user)
        ratings = np.clip(np.rint(stars), 1, 5).astype(np.float32).ravel()
        times = np.tile(np.arange(self.ratings_per_user), self.num_users)
        return Interactions(users, items.ravel(), ratings, times, self.num_users, self.num_items)

    def _from(self, groups: Ints, rng: np.random.Generator) -> Ints:
        """An item of each of the `groups`, of which the first are the most popular."""
        size = (self.num_items - 1 - groups) // self.num_groups + 1  # of the group
        rank = np.exp(rng.random(groups.shape) * np.log(size + 1)).astype(np.int64) - 1  # floor, 0 to size - 1
        return np.minimum(rank, size - 1) * self.num_groups + groups
