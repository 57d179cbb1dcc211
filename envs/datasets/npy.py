"""Vectors that items bring in a NumPy file."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recloop.envs.catalog import Floats, unit
from recloop.envs.datasets.dataset import OwnVectors

_ROWS = 65_536


def own_vectors(path: Path, num_items: int) -> OwnVectors | None:
    """The vectors in a file of `np.save`, a row for each of `num_items` items; None if there is no such file.

    Raises:
        ValueError: they are no such array, or one cannot be scaled to length 1; names the file and the row.
    """
    if not path.is_file():
        return None
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is no NumPy array ({error}); write it with numpy.save") from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind != "f" or len(found) != num_items:
        kind = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else "several arrays"
        raise ValueError(f"{path} holds {kind}; give floats [{num_items}, dim], a row for each item in their order")
    for start in range(0, num_items, _ROWS):
        _refuse_pointless(path, found, start)
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return OwnVectors(content, lambda: _units(found))


def _refuse_pointless(path: Path, found: NDArray[np.floating], start: int) -> None:
    rows = np.asarray(found[start : start + _ROWS], np.float64)
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    bad = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
    if len(bad):
        raise ValueError(f"{path}: row {start + bad[0]} has the length {length[bad[0]]:g}; give a vector that points")


def _units(found: NDArray[np.floating]) -> Floats:
    result = np.empty(found.shape, np.float32)
    for start in range(0, len(found), _ROWS):
        result[start : start + _ROWS] = unit(np.asarray(found[start : start + _ROWS], np.float32))
    return result
