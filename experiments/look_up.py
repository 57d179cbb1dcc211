"""Indexes of large catalogs: built once a machine, mapped by every process, their recall measured and kept."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from recloop.agents.policy import Floats
from recloop.encoders.fingerprint import fingerprint
from recloop.experiments.store import Stored, stored

if TYPE_CHECKING:
    from recloop.envs.index import Index
    from recloop.envs.indexes import HNSW, IVF, Kind


@dataclass(eq=False)
class LookUp:
    """Finds the index of item vectors, as `configs/env/index` says: what `Catalog.look_up` asks for.

    Args:
        kind: how items are looked up.
        threads: that faiss computes on.
        facts: of each index in use, by its fingerprint: kind, recall_at_10, build_seconds, num_items.
    """

    kind: "Kind"
    threads: int
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _found: "dict[str, Index]" = field(default_factory=dict)

    def __call__(self, vectors: Floats) -> "Index":
        """The index of `vectors` [num_items, dim]: exact where they are few.

        Raises:
            ValueError: faiss is not installed.
            OSError: the cache folder cannot be written.
        """
        from recloop.envs.index import Exact

        chosen = self.kind.chosen(len(vectors))
        if chosen is None:
            return Exact(vectors)
        key = _key(vectors, chosen)
        if key not in self._found:
            self._found[key] = self._mapped(vectors, chosen, key)
        return self._found[key]

    def _mapped(self, vectors: Floats, kind: "IVF | HNSW", key: str) -> "Index":
        from recloop.envs.index import Approximate
        from recloop.envs.indexes import import_faiss

        faiss = import_faiss()
        faiss.omp_set_num_threads(self.threads)
        found = stored("indexes", key, lambda path: _build(vectors, kind, path))
        self.facts[key] = found.facts
        return Approximate(vectors, kind.ready(_read(faiss, found)))


def _key(vectors: Floats, kind: "IVF | HNSW") -> str:
    """Of all that the index depends on."""
    from recloop.envs.indexes import import_faiss

    content = hashlib.sha256(np.ascontiguousarray(vectors).data).hexdigest()
    shape = str(vectors.shape)
    return fingerprint(kind=repr(kind), vectors=content, shape=shape, faiss=import_faiss().__version__)


def _build(vectors: Floats, kind: "IVF | HNSW", path: Path) -> dict[str, Any]:
    from recloop.envs.index import Approximate, recall
    from recloop.envs.indexes import import_faiss

    console = Console(stderr=True)
    told = f"index of {len(vectors):,} items ({kind.name}, once)"
    console.print(f"{told}: building", highlight=False)
    start = time.perf_counter()
    made = kind.build(vectors)
    seconds = time.perf_counter() - start
    import_faiss().write_index(made, str(path))
    share = recall(Approximate(vectors, kind.ready(made)), vectors)
    console.print(f"{told}: {seconds:.0f} s, recall@10 {share:.3f} of 1,000 queries", highlight=False)
    return {"kind": kind.name, "num_items": len(vectors), "recall_at_10": share, "build_seconds": round(seconds, 3)}


def _read(faiss: Any, found: Stored) -> Any:
    """What `_build` has written, mapped."""
    return faiss.read_index(str(found.path), faiss.IO_FLAG_MMAP_IFC)
