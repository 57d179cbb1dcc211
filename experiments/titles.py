"""Items found by the titles that people give."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np

from recloop.agents.policy import Floats, Ints

_NEAREST = 3
_COMPARED = 2000
"""Titles that share a word with the one that is not found, and are compared letter by letter."""


class Titles:
    """The items of a catalog by title: by the very title, else by its words, whatever their case and punctuation.

    Of several items with one title, the most popular is meant.

    Args:
        titles: of the items.
        popularity: of the items, [num_items].
    """

    def __init__(self, titles: Sequence[str], popularity: Floats) -> None:
        self.titles, self.popularity = titles, popularity

    def find(self, title: str) -> int | None:
        """The item with that title; None if there is none."""
        same = self._with_key(self._exact, hash(title), lambda item: self.titles[item] == title)
        return same if same is not None else self._by_words(_plain(title))

    def _by_words(self, words: str) -> int | None:
        if not words:
            return None
        return self._with_key(self._plain, hash(words), lambda item: _plain(self.titles[item]) == words)

    def nearest(self, title: str) -> list[str]:
        """Titles that somebody may have meant."""
        words = _plain(title).split()
        shares = [item for item, plain in enumerate(map(_plain, self.titles)) if any(word in plain for word in words)]
        compared = shares[:_COMPARED] if shares else range(min(_COMPARED, len(self.titles)))
        by_words = {_plain(self.titles[item]): self.titles[item] for item in compared}
        return [by_words[each] for each in difflib.get_close_matches(_plain(title), by_words, _NEAREST, cutoff=0.5)]

    @cached_property
    def _exact(self) -> tuple[Ints, Ints]:
        return _sorted(map(hash, self.titles))

    @cached_property
    def _plain(self) -> tuple[Ints, Ints]:
        return _sorted(hash(_plain(title)) for title in self.titles)

    def _with_key(self, table: tuple[Ints, Ints], key: int, is_meant: Callable[[int], bool]) -> int | None:
        """The most popular item of that hash that is meant."""
        keys, items = table
        start, end = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
        meant = [item for item in items[start:end].tolist() if is_meant(item)]
        return max(meant, key=lambda item: self.popularity[item], default=None)


def _sorted(hashes: Iterable[int]) -> tuple[Ints, Ints]:
    """Hashes in rising order, and the items that they are of: a table of a million titles takes 16 MB."""
    keys = np.fromiter(hashes, np.int64)
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _plain(title: str) -> str:
    """Small letters and digits, one space between words."""
    return " ".join(re.findall(r"\w+", title.casefold()))
