from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.arrays import DamagedFileError, load_arrays, save_arrays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_arrays(tmp_path / "file", {"a": np.arange(3, dtype=np.float32), "b": np.array([[1, 2]], dtype=np.uint8)})
    return tmp_path / "file"


def test_arrays_come_back(path: Path) -> None:
    arrays = load_arrays(path)
    np.testing.assert_array_equal(arrays["a"], np.array([0, 1, 2], dtype=np.float32), strict=True)
    np.testing.assert_array_equal(arrays["b"], np.array([[1, 2]], dtype=np.uint8), strict=True)


def test_an_array_that_is_not_contiguous_comes_back(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3).T
    save_arrays(tmp_path / "file", {"a": array})
    np.testing.assert_array_equal(load_arrays(tmp_path / "file")["a"], array)


def test_a_flipped_bit_in_any_byte_is_noticed(path: Path) -> None:
    good = path.read_bytes()
    for place, byte in enumerate(good):
        path.write_bytes(good[:place] + bytes([byte ^ 1 << place % 8]) + good[place + 1 :])
        with pytest.raises(DamagedFileError):
            load_arrays(path)


def test_every_shortened_file_is_noticed(path: Path) -> None:
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(DamagedFileError, match="file is damaged"):
            load_arrays(path)


def test_a_file_of_another_kind_is_noticed(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, path)
    with pytest.raises(DamagedFileError, match="file is damaged"):
        load_arrays(path)


def test_an_absent_file_is_absent_not_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_arrays(tmp_path / "none")
