"""Vectors of two bytes a number, for lists of texts so long that four are too many."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.vectors import unit_rows

Kept = Literal["float16", "bfloat16"]


@dataclass(frozen=True)
class Rounded:
    """Another encoder's vectors, rounded to `dtype`, to nearest and ties to even, then scaled to length 1 again.

    A text has one vector, whether it has been kept or is read anew: so the rounding belongs to the encoder and to its
    fingerprint, and `Corpus` keeps two bytes a number of it and loses nothing. Of a unit vector, float16 keeps 11
    significant bits and bfloat16 8: at 384 dimensions the cosine of two texts moves by less than 1e-4 and 1e-3.
    """

    encoder: Encoder
    dtype: Kept = "float16"

    def __post_init__(self) -> None:
        if self.dtype not in get_args(Kept):
            raise ValueError(f"dtype is {self.dtype!r}; choose one of {', '.join(get_args(Kept))}")

    @property
    def dim(self) -> int:
        """Length of every vector, the inner encoder's."""
        return self.encoder.dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the inner encoder's fingerprint and the type."""
        return fingerprint(encoder="rounded", version=1, of=self.encoder.fingerprint, dtype=self.dtype)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`."""
        return unpack(self.packed(texts))

    def packed(self, texts: Sequence[str]) -> NDArray[Any]:
        """Rounded vectors [n, dim] of `texts`: float16, or the bits of bfloat16 as uint16, which numpy has not."""
        vectors = self.encoder.encode(texts)
        return vectors.astype(np.float16) if self.dtype == "float16" else _bfloat16(vectors)


def unpack(packed: NDArray[Any]) -> Vectors:
    """The unit vectors [n, dim] that `packed` stands for; a row's result depends on that row alone."""
    if packed.dtype == np.uint16:
        return unit_rows((packed.astype(np.uint32) << 16).view(np.float32))
    return unit_rows(packed.astype(np.float32))


def _bfloat16(vectors: Vectors) -> NDArray[np.uint16]:
    """The upper halves of float32, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(vectors).view(np.uint32)
    rounded: NDArray[np.uint16] = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return rounded
