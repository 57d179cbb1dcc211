"""What can be recommended: items with their texts, their vectors and what the logs say of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recloop.envs.index import Exact, Index
from recloop.envs.made import Made

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def unit(vectors: Floats) -> Floats:
    """Scale each row to length one, as float32; a row of zeros stays zero. `vectors` is [..., dim]."""
    length = np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None]
    scaled: Floats = (vectors / np.maximum(length, np.float32(1e-9))).astype(np.float32, copy=False)
    return scaled


@dataclass(frozen=True, eq=False)
class Catalog:
    """The items, in one vector space.

    The world and the agent hold a catalog each: the same items, but vectors of their own (see `seen_through`), so
    that a similarity reward is not circular.

    Args:
        vectors: one unit vector an item, float32 [num_items, dim].
        titles: what a person would call each item.
        texts: what a language model reads of each item.
        groups: the main kind of each item ("Comedy"), for plots.
        popularity: share of all logged interactions that were with the item, [num_items], sums to 1.
        quality: how much better liked than the average item, in log odds, shrunken towards 0, [num_items].
        prices: what a click earns where the item is an ad, 0 to 1, and 0 elsewhere, [num_items]; None: no ads.
        look_up: how the items nearest to a vector are found, from the item vectors; see `nearest`.

    Raises:
        ValueError: naming the first item whose vector is not finite or whose text is missing.
    """

    vectors: Floats
    titles: Sequence[str]
    texts: Sequence[str]
    groups: Sequence[str]
    popularity: Floats
    quality: Floats
    prices: Floats | None = None
    look_up: Callable[[Floats], Index] = Exact

    def __post_init__(self) -> None:
        """Refuse at the door what would poison every step."""
        for name in ("titles", "texts", "groups", "popularity", "quality"):
            if len(getattr(self, name)) != len(self.vectors):
                raise ValueError(
                    f"{len(getattr(self, name))} {name} for {len(self.vectors)} item vectors; give one an item"
                )
        if self.prices is not None:
            _refuse_prices(self.prices, self.titles)
        _refuse_blank(self.texts, self.titles)
        for name in ("popularity", "quality"):
            _refuse_non_finite(name, getattr(self, name), self.titles)
        _refuse_not_unit(self.vectors, self.titles)

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Size of an item vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def group_numbers(self) -> Ints:
        """Number of each item's group, 0 to num_groups - 1 in alphabetical order, [num_items]."""
        return np.unique(np.asarray(self.groups), return_inverse=True)[1].astype(np.int64)

    @property
    def num_groups(self) -> int:
        """How many groups there are."""
        return int(self.group_numbers.max()) + 1

    @cached_property
    def index(self) -> Index:
        """The items, ready to be looked up; what it takes is done when it is first asked for."""
        return self.look_up(self.vectors)

    def nearest(self, queries: Floats, k: int) -> Ints:
        """The `k` items of the highest inner product with each of `queries` [n, dim], best first, [n, k]."""
        return self.index.search(queries, k)[0]

    def seen_through(self, vectors: Floats) -> "Catalog":
        """The same items in another vector space, [num_items, dim]."""
        return replace(self, vectors=vectors)

    def offering(self, rows: Ints) -> "Catalog":
        """The items in `rows` [k] alone, in that order."""
        titles, texts, groups = ([words[row] for row in rows] for words in (self.titles, self.texts, self.groups))
        prices = None if self.prices is None else self.prices[rows]
        known = self.popularity[rows], self.quality[rows], prices
        return Catalog(self.vectors[rows], titles, texts, groups, *known, self.look_up)

    @staticmethod
    def synthetic(num_items: int = 200, dim: int = 16, num_groups: int = 8, seed: int = 0) -> "Catalog":
        """Made-up items around `num_groups` centres, with a long-tailed popularity; no data, no model."""
        rng = np.random.default_rng(seed)
        centres = rng.normal(size=(num_groups, dim))
        group = rng.integers(num_groups, size=num_items)  # [num_items]
        vectors = unit((centres[group] + 0.7 * rng.normal(size=(num_items, dim))).astype(np.float32))
        weight = 1 / np.arange(1, num_items + 1)
        names = [f"item {i} of group {g}" for i, g in enumerate(group)]
        return Catalog(
            vectors=vectors,
            titles=names,
            texts=names,
            groups=[f"group {g}" for g in group],
            popularity=rng.permutation(weight / weight.sum()).astype(np.float32),
            quality=rng.normal(scale=0.5, size=num_items).astype(np.float32),
        )


def _refuse_prices(prices: Floats, titles: Sequence[str]) -> None:
    if len(prices) != len(titles):
        raise ValueError(f"{len(prices)} prices for {len(titles)} items; give one an item, 0 where it is no ad")
    bad = np.flatnonzero(~((prices >= 0) & (prices <= 1)))
    if len(bad):
        raise ValueError(f"item {bad[0]} ({titles[bad[0]]!r}) has the price {prices[bad[0]]}; scale prices to 0 to 1")


def _refuse_blank(texts: Sequence[str], titles: Sequence[str]) -> None:
    """Texts that are made when they are asked for are not read beforehand."""
    if isinstance(texts, Made):
        return
    for index, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"item {index} ({titles[index]!r}) has no text; write one or leave the item out")


def _refuse_not_unit(vectors: Floats, titles: Sequence[str]) -> None:
    """Without a copy of the vectors, of which there may be a million."""
    length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))  # [num_items], no number where an entry is none
    if not np.isfinite(length).all():
        _refuse_non_finite("vectors", vectors, titles)
    apart = np.abs(length - 1)
    if not apart.max(initial=0) <= 1e-3:
        worst = int(np.argmax(apart))
        raise ValueError(f"item {worst} ({titles[worst]!r}) has a vector of length {length[worst]:.3g}; scale it to 1")


def _refuse_non_finite(name: str, values: Floats, titles: Sequence[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if len(bad):
        raise ValueError(
            f"item {bad[0]} ({titles[bad[0]]!r}) has a non-finite value in {name} ({len(bad)} such items); "
            "encode it again"
        )
