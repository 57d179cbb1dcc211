"""The figures of the encoder, without its peers."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import encoding
from benchmarks.encoding import _overlap, _row, ready
from benchmarks.measure import Pace
from recloop.encoders.hashing import Hashing

FILMS = [f"film {number} of {number % 7}" for number in range(40)]


def test_a_row_holds_factors_of_the_peer_and_errors() -> None:
    vectors = Hashing(dim=64).encode(FILMS)
    paces = {encoding.PEER: [Pace(100, 200), Pace(50, 100)], "ONNX Runtime": [Pace(300, 400), Pace(150, 300)]}
    row = _row("ONNX Runtime", paces, -vectors, vectors)
    assert row["factor"] == {"wall": 3, "cpu": 2.5}
    assert (row["wall"], row["cpu"]) == (225, 350)
    assert row["least_cosine"] == pytest.approx(-1)
    assert row["largest_difference"] == pytest.approx(2 * np.abs(vectors).max())


def test_neighbours_are_the_share_of_the_nearest_that_stay() -> None:
    vectors = Hashing(dim=64).encode(FILMS)
    assert _overlap(vectors, vectors) == 1
    assert _overlap(vectors[::-1], vectors) < 0.9


def test_kept_vectors_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "ROOT", tmp_path)
    row = ready(60_000, 1)
    assert row["name"] == "60,000 vectors kept before"
    assert 0 < row["ready"]["wall"] < 60
