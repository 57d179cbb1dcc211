"""Ways to look items up, as a configuration names them: at every item, or by an index of faiss for large catalogs."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from recloop.envs.catalog import Floats

LARGE = 100_000
"""From so many items on, looking at every one of them takes longer than a recommendation may."""


_AT_ONCE, _NEVER = 20, 2**31 - 1
"""From so many queries on faiss compares them with centres by matrix products, which round by the number of rows."""


class Kind(Protocol):
    """A way to look up: what `configs/env/index/*.yaml` describe."""

    def chosen(self, num_items: int) -> "IVF | HNSW | None":
        """The way that is taken with so many items; None to look at every one of them."""


@dataclass(frozen=True)
class EveryItem:
    """Look at every item, however many there are: `Exact`."""

    def chosen(self, num_items: int) -> "IVF | HNSW | None":
        """No index is built."""
        return None


@dataclass(frozen=True)
class IVF:
    """Inverted lists of faiss (Jégou, Douze and Schmid, 2011): items by the nearest of many centres.

    A query is compared with the centres, then with the items of the nearest `probes` of them.

    Args:
        lists: centres, found by k-means; None for twice the square root of the number of items.
        probes: lists that are looked at.
        seed: of the k-means.
        gpu: search on the first GPU, with a faiss that has one.
    """

    lists: int | None = None
    probes: int = 16
    seed: int = 0
    gpu: bool = False
    name: ClassVar[str] = "ivf"

    def __post_init__(self) -> None:
        """Check the ranges."""
        _refuse_below_1(self, "probes", *(["lists"] if self.lists is not None else []))

    def chosen(self, num_items: int) -> "IVF":
        """Itself."""
        return self

    def build(self, vectors: Floats) -> Any:
        """The index of faiss, ready to be searched or written."""
        faiss = import_faiss()
        num_items, dim = vectors.shape
        lists = min(self.lists or round(2 * num_items**0.5), num_items)
        faiss.cvar.distance_compute_blas_threshold = _AT_ONCE
        made = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
        made.cp.seed, made.cp.niter = self.seed, 10
        made.cp.min_points_per_centroid, made.cp.max_points_per_centroid = 1, 64
        made.train(vectors)
        for start in range(0, num_items, LARGE):
            made.add(vectors[start : start + LARGE])
        return made

    def ready(self, made: Any) -> Any:
        """What `build` has made, or faiss has read, as it is searched: each query by itself, not in matrix products."""
        import_faiss().cvar.distance_compute_blas_threshold = _NEVER
        made.nprobe = self.probes
        return _on_gpu(made) if self.gpu else made


@dataclass(frozen=True)
class HNSW:
    """The navigable graph of faiss (Malkov and Yashunin, 2018): from item to nearer item.

    Args:
        links: to others, of each item.
        build_width: candidates kept while the graph is built.
        search_width: candidates kept while it is searched.
    """

    links: int = 32
    build_width: int = 80
    search_width: int = 128
    name: ClassVar[str] = "hnsw"

    def __post_init__(self) -> None:
        """Check the ranges."""
        _refuse_below_1(self, "links", "build_width", "search_width")

    def chosen(self, num_items: int) -> "HNSW":
        """Itself."""
        return self

    def build(self, vectors: Floats) -> Any:
        """The index of faiss, ready to be searched or written."""
        faiss = import_faiss()
        made = faiss.IndexHNSWFlat(vectors.shape[1], self.links, faiss.METRIC_INNER_PRODUCT)
        made.hnsw.efConstruction = self.build_width
        made.add(vectors)
        return made

    def ready(self, made: Any) -> Any:
        """What `build` has made, or faiss has read, as it is searched."""
        made.hnsw.efSearch = self.search_width
        return made


@dataclass(frozen=True)
class Auto:
    """Look at every item where there are few, else by the index `large`.

    Args:
        exact_below: so many items are not few.
        large: the index of a large catalog.
    """

    exact_below: int = LARGE
    large: IVF | HNSW = field(default_factory=IVF)

    def __post_init__(self) -> None:
        """Check the ranges."""
        _refuse_below_1(self, "exact_below")

    def chosen(self, num_items: int) -> "IVF | HNSW | None":
        """The index, or None below `exact_below`."""
        return None if num_items < self.exact_below else self.large


def import_faiss() -> Any:
    """The library, which only large catalogs need.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise ValueError(
            "faiss is not installed; run pip install 'recloop[scale]', or choose env/index=exact"
        ) from error
    return faiss


def _on_gpu(made: Any) -> Any:
    faiss = import_faiss()
    if not getattr(faiss, "get_num_gpus", int)():
        raise ValueError("gpu is true, but this faiss finds no GPU; leave it false, or install one built for GPUs")
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, made)


def _refuse_below_1(settings: Any, *names: str) -> None:
    for name in names:
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} is {getattr(settings, name)}; give a whole number of 1 or more")
