"""Looking up the ten nearest items: each index against comparing every item."""

import time
from typing import Any

import numpy as np

from benchmarks.scope import Scope
from recloop.envs.catalog import Floats, unit
from recloop.envs.datasets.synthetic import Synthetic
from recloop.envs.index import Approximate, Exact, Index, recall
from recloop.envs.indexes import HNSW, IVF, import_faiss

SIZES = (10_000, 100_000, 1_000_000)
NEAREST, TOGETHER = 10, 64
_MOST_HNSW = 100_000  # beyond, building takes many minutes of one core


def measure(scope: Scope) -> list[dict[str, Any]]:
    """A row for each index of each size."""
    import_faiss().omp_set_num_threads(1)
    rows = []
    for num_items in SIZES[: 1 if scope.quick else None]:
        vectors = Synthetic(num_items=num_items).vectors()
        rows += [
            _row(f"{num_items:,} items, {kind.name if kind else 'every item'}", vectors, kind, scope)
            for kind in (None, IVF(), HNSW())
            if not isinstance(kind, HNSW) or num_items <= _MOST_HNSW
        ]
    return rows


def _row(name: str, vectors: Floats, kind: IVF | HNSW | None, scope: Scope) -> dict[str, Any]:
    start = time.perf_counter()
    index: Index = Exact(vectors) if kind is None else Approximate(vectors, kind.ready(kind.build(vectors)))
    seconds = time.perf_counter() - start
    share = recall(index, vectors, NEAREST) if kind else 1.0
    return {"name": name, "build_seconds": seconds, "recall": share, **latencies(index, vectors, scope)}


def latencies(index: Index, vectors: Floats, scope: Scope) -> dict[str, float]:
    """Of queries between two random items: p50 and p99 of one, in milliseconds, and queries a second of 64 at once."""
    pairs = np.random.default_rng(1).integers(len(vectors), size=(max(round(1000 * scope.scale), TOGETHER), 2))
    queries = unit(vectors[pairs].sum(axis=1))
    index.search(queries[:1], NEAREST)
    times = []
    for query in queries[: 50 if isinstance(index, Exact) else None]:
        start = time.perf_counter()
        index.search(query[None], NEAREST)
        times.append(1000 * (time.perf_counter() - start))
    start = time.perf_counter()
    index.search(queries[:TOGETHER], NEAREST)
    together = TOGETHER / (time.perf_counter() - start)
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {"p50_ms": p50, "p99_ms": p99, "queries_a_second": together}
