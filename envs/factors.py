"""Item vectors factorised from ratings alone: a world in which language has to earn its keep."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recloop.envs.catalog import Floats, unit
from recloop.envs.effects import Effects
from recloop.envs.interactions import Interactions

Doubles = NDArray[np.float64]

_NOTHING = 1e-6


class Factorised(NamedTuple):
    """rating = mean + user effect + item effect + <p, q> + noise."""

    items: Doubles  # [num_items, rank] q; zeros for items that nobody rated
    users: Doubles  # [num_users, rank] p; zeros for users who rated nothing
    effects: Effects


@dataclass(frozen=True)
class Factors:
    """Matrix factorisation of what is left of ratings when users' and items' effects are taken away.

    Minimises sum (residual - <p, q>)^2 + ridge * (sum |p|^2 + sum |q|^2) by alternating least squares (Koren, Bell &
    Volinsky, 2009). It never reads a text.

    Args:
        rank: length of the vectors.
        ridge: penalty on their squares.
        rounds: of alternation.
        seed: of the first vectors.
    """

    rank: int = 16
    ridge: float = 10.0
    rounds: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("rank", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a whole number of 1 or more")
        if not self.ridge > 0:
            raise ValueError(f"ridge is {self.ridge}; give a number above 0")

    def place(self, language: Floats, logs: Interactions) -> Floats:
        """Where the items lie for people who rate as in `logs`: unit vectors [num_items, rank].

        `language` [num_items, dim] is not read. An item that nobody rated lies where the mean of the others does.

        Raises:
            ValueError: the penalty leaves nothing of any item.
        """
        items = self.fit(logs).items
        length = np.linalg.norm(items, axis=1)
        rated = length > _NOTHING * length.max()
        if length.max() < _NOTHING:
            raise ValueError(f"ridge is {self.ridge}, which leaves nothing of these ratings; give a smaller one")
        items[~rated] = items[rated].mean(axis=0)
        return unit(items.astype(np.float32))

    def fit(self, logs: Interactions) -> Factorised:
        """Users and items in `rank` dimensions."""
        effects = Effects.fit(logs)
        places = (logs.users, logs.items)
        ones = sparse.csr_array((np.ones(len(logs.users)), places), (logs.num_users, logs.num_items))
        residuals = sparse.csr_array((effects.residuals(logs), places), ones.shape)
        items = 0.1 * np.random.default_rng(self.seed).standard_normal((logs.num_items, self.rank))
        users = np.zeros((logs.num_users, self.rank))
        for _ in range(self.rounds):
            users = self._regress(ones, residuals, items)
            items = self._regress(sparse.csr_array(ones.T), sparse.csr_array(residuals.T), users)
        return Factorised(items, users, effects)

    def _regress(self, ones: sparse.csr_array, residuals: sparse.csr_array, others: Doubles) -> Doubles:
        """A ridge regression for each row of `residuals` on the rows of `others` [columns, rank]."""
        squares = np.einsum("na,nb->nab", others, others).reshape(len(others), -1)
        gram = (ones @ squares).reshape(-1, self.rank, self.rank) + self.ridge * np.eye(self.rank)
        return np.asarray(np.linalg.solve(gram, (residuals @ others)[..., None])[..., 0])
