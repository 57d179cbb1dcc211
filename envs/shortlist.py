"""Which of very many items to look at more closely: found by codes of half a byte a number, in a millisecond or two."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recloop.envs.catalog import Floats, Ints

_TRAINED_ON = 150_000
"""Items from which the lists and the codes are learned."""

_LISTS, _LOOKED_AT = 1024, 192
"""Lists that the items are divided into, and how many of them a query looks at."""

_CODE_BITS = 4


@dataclass(frozen=True, eq=False)
class Shortlist:
    """The items of nearly the highest inner product, for whoever then scores these exactly.

    Inverted lists of product-quantised codes, one for each number of a vector, scanned in registers (Andre et al.,
    2015, Cache Locality is Not Enough; faiss' "fast scan"). A million items of 64 numbers take 45 MB. Vectors of no
    visible clusters, where neighbours are hardest to find, lose about one in fifty of the best ten among 200 found.

    Args:
        made: what faiss has built of the items.
    """

    made: Any

    @staticmethod
    def of(vectors: Floats) -> "Shortlist":
        """Divide and encode `vectors` [num_items, dim]; the same vectors make the same shortlist."""
        import faiss

        num_items, dim = vectors.shape
        lists = max(1, min(_LISTS, num_items // 100))
        made = faiss.IndexIVFPQFastScan(faiss.IndexFlatIP(dim), dim, lists, dim, _CODE_BITS, faiss.METRIC_INNER_PRODUCT)
        made.by_residual, made.nprobe = False, min(_LOOKED_AT, lists)
        made.cp.niter, made.cp.max_points_per_centroid = 8, 64
        made.train(vectors[:: max(1, num_items // _TRAINED_ON)])
        made.add(vectors)
        return Shortlist(made)

    def save(self, path: Path) -> None:
        """Write it to `path`."""
        import faiss

        faiss.write_index(self.made, str(path))

    @staticmethod
    def load(path: Path) -> "Shortlist":
        """Read what `save` wrote: a file of one's own, for faiss trusts it."""
        import faiss

        return Shortlist(faiss.read_index(str(path)))

    def __call__(self, queries: Floats, k: int) -> Ints:
        """About the `k` best items for each of `queries` [n, dim], in any order, [n, k]; -1 where fewer are found."""
        found: Ints = self.made.search(np.ascontiguousarray(queries, np.float32), k)[1]
        return found
