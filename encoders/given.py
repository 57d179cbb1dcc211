"""Items that bring their own vectors: nothing is read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recloop.encoders.encoder import Vectors


@dataclass(frozen=True, eq=False)
class Given:
    """Stands where an encoder may stand, for data sets whose items bring vectors: `Given().holding(vectors, name)`.

    Args:
        vectors: unit vectors of the items, [num_items, dim]; none before the data set is known.
        fingerprint: SHA-256, in hex, of what the vectors are.
    """

    vectors: Vectors | None = None
    fingerprint: str = "none"

    def holding(self, vectors: Vectors, fingerprint: str) -> "Given":
        """The same, with the vectors of a data set."""
        return replace(self, vectors=vectors, fingerprint=fingerprint)

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return 0 if self.vectors is None else int(self.vectors.shape[1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Nothing, of no texts: a text has no vector here.

        Raises:
            ValueError: there is a text.
        """
        if texts:
            raise ValueError(f"{texts[0][:60]!r} cannot be read, since items bring their vectors; choose an encoder")
        return np.empty((0, self.dim), np.float32)
