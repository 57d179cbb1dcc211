"""Which items lie nearest to a query, those of the highest inner product with it: found exactly, or nearly always."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from recloop.envs import kernels
from recloop.envs.kernels import Floats, Ints

_SCORES = 1 << 24
"""Scores that are in memory at once while recall is measured: 64 MB."""

_CHECKED = 1_000
"""Queries by which recall is measured."""


class Index(Protocol):
    """The items of one catalog, ready to be looked up; what is found for a query never depends on the others."""

    def search(self, queries: Floats, k: int) -> tuple[Ints, Floats]:
        """The `k` items of the highest inner product with each of `queries` [n, dim], best first.

        Returns:
            items [n, k], of equal scores the lower number first, and their scores, float32 [n, k].

        Raises:
            ValueError: `k` is not from 1 to the number of items, or the queries are of another size.
        """


@dataclass(frozen=True, eq=False)
class Exact:
    """Every item is compared with every query. The reference for all others.

    Args:
        vectors: of the items, float32 [num_items, dim].
    """

    vectors: Floats

    def search(self, queries: Floats, k: int) -> tuple[Ints, Floats]:
        """See `Index.search`."""
        _refuse_unfit(self.vectors, queries, k)
        found: tuple[Any, Any] = kernels.nearest(np.ascontiguousarray(queries, np.float32), self.vectors, k)
        return found


@dataclass(frozen=True, eq=False)
class Approximate:
    """An index of faiss, whose scores are worked out again, so that they are those of `Exact` to the last bit.

    Args:
        vectors: of the items, float32 [num_items, dim].
        made: what faiss has built of them.
    """

    vectors: Floats
    made: Any

    def search(self, queries: Floats, k: int) -> tuple[Ints, Floats]:
        """See `Index.search`; a query of which faiss finds fewer than `k` items is compared with all of them."""
        _refuse_unfit(self.vectors, queries, k)
        found = self.made.search(np.ascontiguousarray(queries, np.float32), k)[1]  # [n, k], -1 for none
        short = found.min(axis=1, initial=0) < 0
        if short.any():
            found[short] = Exact(self.vectors).search(queries[short], k)[0]
        return in_order(self.vectors, queries, found)


def in_order(vectors: Floats, queries: Floats, items: Ints) -> tuple[Ints, Floats]:
    """The `items` [n, k], those with the highest scores first, and their scores, each worked out by itself."""
    n, k = items.shape
    readers, flat = np.repeat(np.asarray(queries, np.float32), k, axis=0), items.reshape(-1)  # [n * k, dim], [n * k]
    scores: Floats = kernels.dots(readers, vectors, flat).reshape(n, k)
    order = np.lexsort((items, -scores), axis=1)
    return np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _refuse_unfit(vectors: Floats, queries: Floats, k: int) -> None:
    if not 1 <= k <= len(vectors):
        raise ValueError(f"{k} items are asked for, but there are {len(vectors)}; ask for 1 to that many")
    if queries.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"queries are {list(queries.shape)}; the item vectors have {vectors.shape[1]} numbers, give [n, that many]"
        )


def recall(index: Index, vectors: Floats, k: int = 10, seed: int = 0) -> float:
    """Share of the `k` nearest items that `index` finds, by 1,000 queries.

    A query lies halfway between two random items, as the state of a user who likes both does: further from all items,
    and so harder, than a query near one.
    """
    rng = np.random.default_rng(seed)
    pairs = vectors[rng.integers(len(vectors), size=(_CHECKED, 2))]  # [queries, 2, dim]
    queries = pairs.mean(axis=1)
    true, found = nearest_of_all(queries, vectors, k), index.search(queries, k)[0]
    return float((true[:, :, None] == found[:, None, :]).any(axis=2).mean())


def nearest_of_all(queries: Floats, vectors: Floats, k: int) -> Ints:
    """What `Exact` finds, in any order, [n, k]: quicker for many queries at once, but for ties a matter of rounding."""
    found = np.empty((len(queries), k), np.int64)
    rows = max(_SCORES // len(vectors), 1)
    for start in range(0, len(queries), rows):
        scores = queries[start : start + rows] @ vectors.T  # [rows, num_items]
        np.negative(scores, out=scores)
        found[start : start + rows] = np.argpartition(scores, k - 1, axis=1)[:, :k]
    return found
