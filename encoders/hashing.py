"""Vectors from the words alone, without weights: quick, for tests and as a baseline for what a language model adds."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from recloop.encoders.encoder import Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import unit_rows


@dataclass(frozen=True)
class Hashing:
    """Signed feature hashing of words and pairs of neighbouring words (Weinberger et al., 2009), scaled to length 1.

    Each occurrence of a feature adds +1 or -1 to one of `dim` coordinates, both drawn from a BLAKE2b hash of the
    feature keyed by `seed`; so texts that share words share directions, and nothing differs between processes. Case is
    folded. A text without letters or digits counts as one word.
    """

    dim: int = 384
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"dim is {self.dim}; hashing needs at least 1 coordinate")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the method, `dim` and `seed`."""
        return fingerprint(encoder="hashing", version=1, dim=self.dim, seed=self.seed)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`."""
        unique, places = distinct(texts)
        sums = np.zeros((len(unique), self.dim))  # [distinct, dim]
        for row, text in zip(sums, unique, strict=True):
            for feature in _features(text):
                coordinate, sign = self._slot(feature)
                row[coordinate] += sign
        # A text of w words has 2w - 1 features: an odd number of +-1 cannot cancel in every coordinate.
        return unit_rows(sums, "text")[places]

    def _slot(self, feature: str) -> tuple[int, int]:
        key = self.seed.to_bytes(8, "little", signed=True)
        number = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8, key=key).digest(), "little")
        return (number >> 1) % self.dim, 1 if number & 1 else -1


def _features(text: str) -> list[str]:
    words = re.findall(r"\w+", text.casefold()) or [text.strip()]
    return words + [f"{left} {right}" for left, right in pairwise(words)]
