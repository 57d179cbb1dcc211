"""Who comes: the hidden state of a batch of users, and the population they are drawn from."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Floats, Ints, unit


class Users(NamedTuple):
    """The hidden state of a batch of users. A value: a step returns the next one.

    (A named tuple, and made without `_replace` in a step, because a batch of one makes three every 30 microseconds.)
    """

    who: Ints  # [n] row in the population's data
    taste: Floats  # [n, dim] unit: what they feel like now
    profile: Floats  # [n, dim] unit: what they like in the long run
    exposure: Floats  # [n, dim] fading memory of what they were shown
    patience: Floats  # [n] 1 is full, they leave at 0
    clock: Ints  # [n] steps since the session began
    own: Floats  # [n, columns] what the parts of the dynamics remember, each in columns of its own


Rows = TypeVar("Rows", bound=tuple[np.ndarray, ...])


def take_rows(batch: Rows, rows: Ints | slice) -> Rows:
    """A named tuple of the `rows` of each array [n, ...]; views if they are a slice."""
    return type(batch)(*[field[rows] for field in batch])


def replace_rows(batch: Rows, rows: Ints, fresh: Rows) -> None:
    """Write the arrays [k, ...] of `fresh` into the `rows` [k] of those of `batch`, [n, ...]."""
    for field, new in zip(batch, fresh, strict=True):
        field[rows] = new


@dataclass(frozen=True, eq=False)
class Population:
    """Users as their real histories describe them, each a little different at every visit.

    A visit begins with `taste = unit(tastes[who] + spread * noise / sqrt(dim))`, full patience and no exposure.

    Args:
        tastes: what each user's history says, unit vectors in the world's space, [num_users, dim].
        members: rows of `tastes` that belong to this population, [m]; train and held-out users are disjoint.
        spread: length of the individual noise, relative to the taste's length of 1.
        trusted: mean taste of those whom each user trusts, zeros where nobody, [num_users, dim]; None if nobody knows.
    """

    tastes: Floats
    members: Ints
    spread: float = 0.3
    trusted: Floats | None = None

    def __post_init__(self) -> None:
        """Every member needs a taste."""
        if len(self.members) == 0:
            raise ValueError("the population has no members; give at least one user")
        length = np.linalg.norm(self.tastes[self.members], axis=1)  # [m]
        silent = self.members[~(np.isfinite(length) & (length > 0))]
        if len(silent):
            raise ValueError(f"user {silent[0]} has no taste (an empty history or a NaN); leave the user out")
        if self.spread < 0:
            raise ValueError(f"spread is {self.spread}; it is a length, 0 or more")

    @staticmethod
    def synthetic(items: Floats, num_users: int = 500, seed: int = 1) -> "Population":
        """Users who like two random items and what lies around them."""
        rng = np.random.default_rng(seed)
        favourites = items[rng.integers(len(items), size=(num_users, 2))]  # [num_users, 2, dim]
        return Population(unit(favourites.sum(axis=1)), np.arange(num_users))

    def split(self, held_out: float, seed: int) -> tuple["Population", "Population"]:
        """Two disjoint populations: to train on, and a share `held_out` to evaluate on."""
        if not 0 < held_out < 1:
            raise ValueError(f"held_out is {held_out}; give the share of users kept for evaluation, between 0 and 1")
        order = np.random.default_rng(seed).permutation(self.members)
        cut = round(held_out * len(order))
        return self.of(np.sort(order[cut:])), self.of(np.sort(order[:cut]))

    def of(self, members: Ints) -> "Population":
        """The same data, other members."""
        return Population(self.tastes, members, self.spread, self.trusted)

    @cached_property
    def _noise_length(self) -> float:
        """`spread` for each of the dimensions."""
        return float(self.spread / np.sqrt(self.tastes.shape[1]))

    def arrive(self, who: Ints, noise: Floats) -> Users:
        """Users `who` [n] who come, without what dynamics remember of them; `noise` [n, dim] is standard normal."""
        n, dim = noise.shape
        taste = kernels.arrive(self.tastes, who, noise, self._noise_length)  # [n, dim]
        return Users(
            who=who,
            taste=taste,
            profile=taste,
            exposure=np.zeros((n, dim), np.float32),
            patience=np.ones(n, np.float32),
            clock=np.zeros(n, np.int64),
            own=np.empty((n, 0), np.float32),
        )

    def pick(self, n: int, rng: np.random.Generator) -> Ints:
        """`n` members at random, [n]."""
        picked: Ints = self.members[(rng.random(n) * len(self.members)).astype(np.int64)]  # quicker than `integers`
        return picked
