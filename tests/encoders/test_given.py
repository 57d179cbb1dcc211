"""Where an encoder would stand, for items that bring their vectors."""

import re

import numpy as np
import pytest

from recloop.encoders.given import Given

VECTORS = np.eye(3, 4, dtype=np.float32)


def test_it_holds_the_vectors_themselves() -> None:
    given = Given().holding(VECTORS, "abc")
    assert given.vectors is VECTORS
    assert (given.dim, given.fingerprint) == (4, "abc")


def test_no_text_can_be_read() -> None:
    with pytest.raises(ValueError, match=re.escape("'a film' cannot be read, since items bring their vectors")):
        Given().holding(VECTORS, "abc").encode(["a film"])


def test_no_texts_have_no_vectors() -> None:
    assert Given().holding(VECTORS, "abc").encode([]).shape == (0, 4)
