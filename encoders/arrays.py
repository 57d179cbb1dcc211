"""Arrays in a safetensors file that says when it is damaged."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.files import write_atomically

Arrays = Mapping[str, NDArray[Any]]


class DamagedFileError(ValueError):
    """A file exists but is not what was written: cut short, altered, or of another kind."""


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays to `path`, atomically, with a checksum over names, types, shapes and values."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, save(contiguous, metadata={"sha256": _checksum(contiguous)}))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `save_arrays` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFileError: its content is not what was saved.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    data = path.read_bytes()
    try:
        arrays: dict[str, NDArray[Any]] = load(data)
        promised = _metadata(data)["sha256"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(f"{path} is damaged ({error}); delete it, and it is made again") from error
    if promised != _checksum(arrays):
        raise DamagedFileError(f"{path} is damaged (its checksum differs); delete it, and it is made again")
    return arrays


def _metadata(data: bytes) -> dict[str, str]:
    """The free part of a safetensors header: 8 bytes of length, then JSON."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata: dict[str, str] = header["__metadata__"]
    return metadata


def _checksum(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
