"""Indexes of large catalogs: built once a machine, mapped by every process, their recall measured and kept."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console

from recloop.agents.policy import Floats
from recloop.encoders.fingerprint import fingerprint
from recloop.experiments.store import stored

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.index import Index
    from recloop.envs.indexes import HNSW, IVF, Kind


class Found(NamedTuple):
    """An index in use."""

    vectors: Floats  # that it finds
    finds: "Index"
    fingerprint: str
    facts: dict[str, Any]  # kind, num_items, recall_at_10, build_seconds


@dataclass(eq=False)
class LookUp:
    """Finds the index of item vectors, as `configs/env/index` says: what `Catalog.look_up` asks for.

    Args:
        kind: how items are looked up.
        threads: that faiss computes on.
    """

    kind: "Kind"
    threads: int
    found: "list[Found]" = field(default_factory=list)

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
        for one in self.found:
            if one.vectors is vectors:
                return one.finds
        self.found.append(self._mapped(vectors, chosen))
        return self.found[-1].finds

    def _mapped(self, vectors: Floats, kind: "IVF | HNSW") -> "Found":
        from recloop.envs.index import Approximate
        from recloop.envs.indexes import import_faiss

        faiss = import_faiss()
        faiss.omp_set_num_threads(self.threads)
        key = _key(vectors, kind)
        kept = stored("indexes", key, lambda path: _build(vectors, kind, path))
        made = faiss.read_index(str(kept.path), faiss.IO_FLAG_MMAP_IFC)
        return Found(vectors, Approximate(vectors, kind.ready(made)), key, kept.facts)


def fingerprints(*catalogs: "Catalog") -> dict[str, str]:
    """What the manifest tells of the indexes by which `catalogs` are looked up, and that are not exact."""
    told: dict[str, str] = {}
    for catalog in catalogs:
        index, finder = catalog.index, catalog.look_up
        for one in finder.found if isinstance(finder, LookUp) else ():
            if one.finds is index:
                name = f"index of {len(one.vectors):,} items"
                told |= {name: one.fingerprint, f"{name}, recall@10": f"{one.facts['recall_at_10']:.4f}"}
    return told


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
