"""The record of a run: `metrics.jsonl`, to which rows are only ever added."""

import json
import logging
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recloop.encoders.files import write_atomically

log = logging.getLogger(__name__)

Value = float | int | str | np.number[Any] | None
Row = Mapping[str, Value]

_CHECKSUM = b', "crc32": "'


class Journal:
    """Adds rows to a file: a JSON object a line, numbered from 0, with a checksum, on the disk when `write` returns.

    A file that exists goes on after its last whole line; what a crash left of an unfinished one is cut off.

    Args:
        path: the file.
        length: bytes of it that are kept, as `Journal.length` said once; None for all. A run that goes on from a
            checkpoint writes again what came after.

    Raises:
        ValueError: a line that is kept is damaged, or so much is not there.
    """

    def __init__(self, path: Path, length: int | None = None) -> None:
        if not path.exists():
            write_atomically(path, b"")
        self.rows, self.length = _scan(path, length)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.ftruncate(self._file, self.length)

    def write(self, row: Row) -> None:
        """Add `row`. None stands for what was not measured.

        Raises:
            ValueError: a value is not finite, or neither number nor text, or its key is taken by the journal.
            OSError: the disk is full; the file ends with the row before.
        """
        values = {key: _checked(key, value) for key, value in row.items()}
        numbered = {"row": len(self.rows), **values}
        line = _sealed(json.dumps(numbered, allow_nan=False).encode())
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self.length)
            raise
        self.rows.append(numbered)
        self.length += len(line)

    def close(self, *, failed: bool = False) -> None:
        """Let go of the file. Whether the run failed makes no difference to what it measured."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The rows of a journal, each with its number under `row`.

    A last line without its end, as a crash leaves it, is reported in the log and left out.

    Raises:
        ValueError: any other line is damaged, or one is missing.
        FileNotFoundError: there is no such file.
    """
    return _scan(path)[0]


def _scan(path: Path, length: int | None = None) -> tuple[list[dict[str, Any]], int]:
    """The whole rows among the first `length` bytes, and how many bytes they take."""
    data = path.read_bytes()[:length]
    *lines, torn = data.split(b"\n")
    if length is not None and (len(data) < length or torn):
        raise ValueError(f"{path}: its first {length} bytes are no whole rows; restore the file from a copy")
    if torn:
        log.warning("%s: line %d is torn, its %d bytes are ignored", path, len(lines) + 1, len(torn))
    return [_parsed(path, index, line) for index, line in enumerate(lines)], len(data) - len(torn)


def _parsed(path: Path, index: int, line: bytes) -> dict[str, Any]:
    body = line.rpartition(_CHECKSUM)[0] + b"}"
    if line + b"\n" != _sealed(body):
        raise ValueError(f"{path}: line {index + 1} is damaged (checksum); restore the file from a copy")
    row: dict[str, Any] = json.loads(body)
    if row["row"] != index:
        raise ValueError(f"{path}: line {index + 1} holds row {row['row']}, not {index}; restore the file from a copy")
    return row


def _sealed(body: bytes) -> bytes:
    """The line of a JSON object: itself, with the checksum of its bytes as last entry."""
    return b'%b%b%08x"}\n' % (body[:-1], _CHECKSUM, zlib.crc32(body))


def _checked(key: str, value: object) -> float | int | str | None:
    if key in ("row", "crc32"):
        raise ValueError(f"metric {key!r}: the journal uses this name itself; choose another")
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise ValueError(f"metric {key!r} is {plain}; look for the cause in rewards, observations and learning rate")
    if plain is None or isinstance(plain, float | int | str):
        return plain
    raise ValueError(f"metric {key!r} is a {type(value).__name__}; give a number, text or None")


def _write_all(file: int, data: bytes) -> None:
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[os.write(file, remaining) :]
