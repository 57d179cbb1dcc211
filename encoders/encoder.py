"""What every reader of text is to the rest of recloop."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into unit vectors; a pure function of each text.

    The promise that everything above relies on: *a text has one vector*. It is the same bytes whatever the order of the
    texts, whichever other texts share the call, and however the call is split, so that a vector may be computed today,
    kept on disk, and used tomorrow in another company of texts. `tests/encoders/test_contract.py` holds every encoder
    to it.
    """

    @property
    def dim(self) -> int:
        """Length of every vector."""

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of all that the vectors depend on besides the text; what a cache files them under."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give the vectors of `texts`, [n, dim] float32 with rows of length 1.

        An empty list gives [0, dim]. Repeated texts are computed once.

        Raises:
            ValueError: a text is blank or its vector is not finite (names its index), or `texts` is one string.
        """
