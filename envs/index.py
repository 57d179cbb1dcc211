"""Looking up the nearest items of a catalog."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Floats, Ints


class Index(Protocol):
    """What finds the items of the highest inner product; what it finds for a query never depends on the others."""

    def search(self, queries: Floats, k: int) -> tuple[Ints, Floats]:
        """For each of `queries` [n, dim] the `k` best items, different ones, best first, and their scores, [n, k]."""


@dataclass(frozen=True, eq=False)
class Exact:
    """Every item is compared with every query; of equal ones the first in the catalog is better.

    Args:
        vectors: of the items, [num_items, dim].
    """

    vectors: Floats

    def search(self, queries: Floats, k: int) -> tuple[Ints, Floats]:
        """The `k` items of the highest inner product with each of `queries` [n, dim], and the products, [n, k].

        Raises:
            ValueError: there are fewer than `k` items.
        """
        if k > len(self.vectors):
            raise ValueError(f"{k} items are looked up among {len(self.vectors)}; ask for fewer")
        found: tuple[Any, Any] = kernels.nearest(np.ascontiguousarray(queries, np.float32), self.vectors, k)
        return found
