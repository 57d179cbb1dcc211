"""Vectors that items bring in a file."""

import re
from pathlib import Path

import numpy as np
import pytest

from recloop.envs.datasets.npy import own_vectors

THREE = np.array([[3, 4], [0, 2], [-1, 0]], np.float64)


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert own_vectors(tmp_path / "vectors.npy", 3) is None


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_vectors_are_scaled_to_length_one(tmp_path: Path, kind: type) -> None:
    np.save(tmp_path / "vectors.npy", THREE.astype(kind))
    found = own_vectors(tmp_path / "vectors.npy", 3)
    assert found is not None
    expected = np.array([[0.6, 0.8], [0, 1], [-1, 0]], np.float32)
    np.testing.assert_allclose(found.make(), expected, atol=1e-3)
    assert found.make().dtype == np.float32


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (THREE[:2], "vectors.npy holds float64 [2, 2]; give floats [3, dim], a row for each item in their order"),
        (THREE.astype(int), "vectors.npy holds int64 [3, 2]"),
        (THREE[:, 0], "vectors.npy holds float64 [3]"),
        (THREE * np.array([[1], [0], [1]]), "vectors.npy: row 1 has the length 0; give a vector that points"),
        (THREE * np.array([[1], [1], [np.nan]]), "vectors.npy: row 2 has the length nan"),
        (np.array([{}, {}, {}]), "vectors.npy is no NumPy array"),
    ],
)
def test_what_is_no_vector_a_row_is_refused_by_file_and_row(tmp_path: Path, content: np.ndarray, words: str) -> None:
    np.save(tmp_path / "vectors.npy", content, allow_pickle=True)
    with pytest.raises(ValueError, match=re.escape(words)):
        own_vectors(tmp_path / "vectors.npy", 3)


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vectors.npy").write_bytes(content)
    with pytest.raises(ValueError, match=re.escape("vectors.npy is no NumPy array")):
        own_vectors(tmp_path / "vectors.npy", 3)
