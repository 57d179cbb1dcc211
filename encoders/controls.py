"""Encoders that know nothing, for asking how much a language model's reading is worth.

Results with `RandomVectors` say what vectors of that size are worth when they only tell texts apart. `Shuffled` keeps
everything of a model's vectors, their geometry and their clusters, except which text each belongs to. `OneHot` leaves
only which item it is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import unit_rows


@dataclass(frozen=True)
class RandomVectors:
    """Every distinct text gets its own independent direction, uniform on the unit sphere in `dim` dimensions.

    The direction is drawn by a generator seeded with a hash of the text and of `seed`, so it is the text's own.
    """

    dim: int = 384
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"dim is {self.dim}; random vectors need at least 1 coordinate")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the method, `dim` and `seed`."""
        return fingerprint(encoder="random", version=1, dim=self.dim, seed=self.seed)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`."""
        unique, places = distinct(texts)
        drawn = np.zeros((len(unique), self.dim))  # [distinct, dim]
        for row, text in zip(drawn, unique, strict=True):
            row[:] = np.random.default_rng(_number(text, self.seed)).standard_normal(self.dim)
        return unit_rows(drawn, "text")[places]


@dataclass(frozen=True)
class Shuffled:
    """Gives each text the vector of another text of a corpus, the catalog's item texts for instance.

    A permutation that depended on the texts of each call would give one text many vectors, so the corpus is named once:
    `Shuffled(encoder, seed).over(catalog_texts)`. Over it the exchange is one cycle through all distinct texts in an
    order drawn by `seed`: nobody keeps their own vector, every vector is used once, the order of `corpus` does not
    matter. A text outside the corpus, a user's profile or a prompt, reads one member chosen by a hash of that text and
    `seed`: always the same one, and unrelated to what the text says.
    """

    encoder: Encoder
    seed: int = 0
    corpus: tuple[str, ...] = ()

    def over(self, texts: Sequence[str]) -> "Shuffled":
        """Give the same control with `texts` as its corpus.

        Raises:
            ValueError: a text is blank, or there are fewer than two distinct texts to exchange.
        """
        unique, _ = distinct(texts)
        if len(unique) < 2:
            raise ValueError(f"{len(unique)} distinct texts cannot be shuffled; give the whole catalog's texts")
        return replace(self, corpus=tuple(sorted(unique)))

    @property
    def dim(self) -> int:
        """Length of every vector, the inner encoder's."""
        return self.encoder.dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the inner encoder's fingerprint, the seed and the corpus."""
        corpus = list(self._bound_corpus())
        return fingerprint(encoder="shuffled", version=1, of=self.encoder.fingerprint, seed=self.seed, corpus=corpus)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim]: those of the texts that stand in for `texts`.

        Raises:
            ValueError: as `Encoder.encode`, or `over` has not named the corpus yet.
        """
        corpus, partners = self._bound_corpus(), self._partners
        unique, places = distinct(texts)
        stand_ins = [partners.get(text) or corpus[_number(text, self.seed) % len(corpus)] for text in unique]
        return self.encoder.encode(stand_ins)[places]

    def _bound_corpus(self) -> tuple[str, ...]:
        if not self.corpus:
            raise ValueError("shuffled texts need a corpus to exchange within; call over(catalog_texts) first")
        return self.corpus

    @cached_property
    def _partners(self) -> dict[str, str]:
        cycle = np.random.default_rng(self.seed).permutation(len(self.corpus))  # [corpus]
        return {self.corpus[a]: self.corpus[b] for a, b in zip(cycle, np.roll(cycle, -1), strict=True)}


@dataclass(frozen=True)
class OneHot:
    """Gives each text of a corpus, the catalog's item texts for instance, a coordinate of its own.

    What an agent knows of items that only have numbers: no two are alike, so that what it learns about one it knows of
    no other. The corpus is named once, `OneHot().over(catalog_texts)`; a text outside it, a user's profile or a prompt,
    has no number, and all such texts share the last coordinate. Take `projection=none` with it: equally spread
    coordinates have no principal directions.
    """

    corpus: tuple[str, ...] = ()

    def over(self, texts: Sequence[str]) -> "OneHot":
        """Give the same control with `texts` as its corpus.

        Raises:
            ValueError: a text is blank.
        """
        return OneHot(tuple(sorted(distinct(texts)[0])))

    @property
    def dim(self) -> int:
        """One for each text of the corpus, and one for all others."""
        return len(self.corpus) + 1

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the method and the corpus."""
        return fingerprint(encoder="one_hot", version=1, corpus=list(self.corpus))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`.

        Raises:
            ValueError: as `Encoder.encode`, or `over` has not named the corpus yet.
        """
        if not self.corpus:
            raise ValueError("one-hot vectors need a corpus to number; call over(catalog_texts) first")
        unique, places = distinct(texts)
        numbers = np.array([self._numbers.get(text, len(self.corpus)) for text in unique], np.intp)[places]  # [n]
        vectors = np.zeros((len(texts), self.dim), np.float32)
        vectors[np.arange(len(texts)), numbers] = 1
        return vectors

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.corpus)}


def _number(text: str, seed: int) -> int:
    """An integer of 128 bits that is the text's own under this seed, in every process."""
    key = seed.to_bytes(8, "little", signed=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16, key=key).digest(), "little")
