"""A low-rank metric on frozen language vectors, learned from ratings: which differences between texts people feel."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recloop.envs.catalog import Floats, unit
from recloop.envs.effects import Effects
from recloop.envs.interactions import Interactions

Doubles = NDArray[np.float64]


class Learned(NamedTuple):
    """What the ratings have taught."""

    matrix: Doubles  # [dim, rank] from language vectors to item factors
    items: Doubles  # [num_items, rank] item factors, with what is an item's own
    users: Doubles  # [num_users, rank] expected tastes; zeros for users who rated nothing
    effects: Effects


@dataclass(frozen=True)
class Metric:
    """Item factors that are a linear map of language vectors, so that an item never rated has them too.

        rating = mean + user effect + item effect + <p, M' v + o> + noise,
        p ~ N(0, I),  o ~ N(0, own I),  noise ~ N(0, noise)

    M [dim, rank] maximises the penalised likelihood by expectation-maximisation, each half of it in closed form: the
    posterior of every p given M, and a ridge regression for M given those posteriors. <M'v, M'w> is then the metric.
    What many ratings say of an item and no text does, its own o, is found afterwards, by turns with the tastes; it is 0
    for an item never rated. Regression-based latent factors (Agarwal & Chen, 2009).

    Args:
        rank: of the metric, and length of the vectors that come out.
        ridge: penalty on the squares of M; more holds the metric back where ratings are few.
        rounds: of expectation and maximisation.
        noise: variance of a rating that taste does not explain, in stars squared.
        own: variance of each of an item's own factors; more lets ratings say more and texts less. `place` has no use
            for it: it tells what texts say.
    """

    rank: int = 16
    ridge: float = 100.0
    rounds: int = 6
    noise: float = 0.8
    own: float = 0.01

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("rank", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a whole number of 1 or more")
        for name in ("ridge", "noise", "own"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")

    def place(self, language: Floats, logs: Interactions) -> Floats:
        """Where the items lie for people who rate as in `logs`: unit vectors [num_items, rank]."""
        factors = language @ self.fit(language, logs).matrix
        return unit(factors.astype(np.float32))

    def fit(self, language: Floats, logs: Interactions) -> Learned:
        """Learn from `logs` what counts in the vectors `language` [num_items, dim].

        Raises:
            ValueError: `rank` exceeds dim.
        """
        vectors = np.asarray(language, np.float64)
        effects = Effects.fit(logs, language)
        counts, residuals = _matrices(logs, effects)
        matrix = self._begin(vectors)
        for _ in range(self.rounds):
            tastes, covariance = self._expect(vectors @ matrix, counts, residuals)
            matrix = self._maximise(vectors, counts, residuals, tastes, covariance)
        items = vectors @ matrix
        for _ in range(self.rounds):
            tastes, covariance = self._expect(items, counts, residuals)
            items = self._with_own(vectors @ matrix, counts, residuals, tastes, covariance)
        tastes, _ = self._expect(items, counts, residuals)
        return Learned(matrix, items, tastes, effects)

    def _begin(self, vectors: Doubles) -> Doubles:
        """The directions in which the vectors differ most, all as important as the others."""
        if self.rank > vectors.shape[1]:
            raise ValueError(f"rank is {self.rank}, but the vectors have {vectors.shape[1]} numbers; lower it")
        _, _, directions = np.linalg.svd(vectors, full_matrices=False)
        return np.asarray(directions[: self.rank].T)  # [dim, rank]

    def _expect(
        self, factors: Doubles, counts: sparse.csr_array, residuals: sparse.csr_array
    ) -> tuple[Doubles, Doubles]:
        """Posterior mean [num_users, rank] and covariance [num_users, rank, rank] of each p, given item factors."""
        information = (counts @ _squares(factors)).reshape(-1, self.rank, self.rank) / self.noise
        covariance = np.linalg.inv(information + np.eye(self.rank))
        mean = np.einsum("uab,ub->ua", covariance, residuals @ factors) / self.noise
        return mean, np.asarray(covariance, np.float64)

    def _maximise(
        self,
        vectors: Doubles,
        counts: sparse.csr_array,
        residuals: sparse.csr_array,
        tastes: Doubles,
        covariance: Doubles,
    ) -> Doubles:
        """The ridge regression of residuals on all products of an entry of v and one of p."""
        dim, rank = vectors.shape[1], self.rank
        second = _squares(tastes) + covariance.reshape(len(tastes), -1)  # [num_users, rank * rank]
        gram = _squares(vectors).T @ (counts.T @ second)  # [dim * dim, rank * rank]
        gram = gram.reshape(dim, dim, rank, rank).transpose(0, 2, 1, 3).reshape(dim * rank, dim * rank)
        target = (vectors.T @ (residuals.T @ tastes)).ravel() / self.noise
        solved = np.linalg.solve(gram / self.noise + self.ridge * np.eye(dim * rank), target)
        return np.asarray(solved.reshape(dim, rank))

    def _with_own(
        self,
        expected: Doubles,
        counts: sparse.csr_array,
        residuals: sparse.csr_array,
        tastes: Doubles,
        covariance: Doubles,
    ) -> Doubles:
        """Item factors [num_items, rank]: a ridge regression for each item, towards those `expected` of its text."""
        second = _squares(tastes) + covariance.reshape(len(tastes), -1)  # [num_users, rank * rank]
        gram = (counts.T @ second).reshape(-1, self.rank, self.rank)
        unexplained = residuals.T @ tastes - np.einsum("iab,ib->ia", gram, expected)
        gram += self.noise / self.own * np.eye(self.rank)
        return np.asarray(expected + np.linalg.solve(gram, unexplained[..., None])[..., 0])


def _matrices(logs: Interactions, effects: Effects) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Number and sum of residuals by user and item, sparse [num_users, num_items]."""
    shape, places = (logs.num_users, logs.num_items), (logs.users, logs.items)
    counts = sparse.csr_array((np.ones(len(logs.users)), places), shape)
    return counts, sparse.csr_array((effects.residuals(logs), places), shape)


def _squares(rows: Doubles) -> Doubles:
    """The outer product of each row with itself, flat: [n, k * k] of [n, k]."""
    return np.asarray(np.einsum("na,nb->nab", rows, rows).reshape(len(rows), -1))
