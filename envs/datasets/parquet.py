"""Parquet files as tables of text."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

from recloop.envs.datasets.tables import Table, check_names

_MOST_ROWS = 20_000_000
_MOST_BYTES = 4_000_000_000
"""Limits on what is unpacked: a small file may hold the same text a billion times."""


def read_parquet(path: Path, content: bytes, columns: tuple[str, ...], remedy: str) -> Table:
    """The table that `content` holds, of which `columns` must be there; an absent value is an empty text.

    Raises:
        ValueError: naming file and column of what is wrong.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        words = [field.name for field in pq.read_schema(pa.BufferReader(content)) if field.type in _words()]
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=words)  # a text is unpacked once
        if file.metadata.num_rows > _MOST_ROWS:
            raise ValueError(f"{file.metadata.num_rows:,} rows, more than {_MOST_ROWS:,}")
        names = [str(name) for name in file.schema_arrow.names]
        values = _values(file, len(names))
    except (ValueError, OSError, TypeError, NotImplementedError, LookupError, RuntimeError, MemoryError) as error:
        reason = str(error).partition("\n")[0]  # pyarrow's errors are of all these kinds
        raise ValueError(f"{path}: no Parquet table ({reason}); {remedy}") from None
    check_names(path, names, columns, remedy)
    sha256 = hashlib.sha256(content).hexdigest()
    rows = len(values[0]) if values else 0
    return Table(path, dict(zip(names, values, strict=True)), range(1, rows + 1), remedy, sha256, unit="row")


def _values(file: Any, count: int) -> list[list[str]]:
    values: list[list[str]] = [[] for _ in range(count)]
    unpacked = 0
    for batch in file.iter_batches():
        unpacked += batch.nbytes
        if unpacked > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES:,} bytes when it is unpacked")
        for column, found in zip(values, batch.columns, strict=True):
            column.extend(_texts(found))
    return values


def _words() -> tuple[Any, ...]:
    import pyarrow as pa

    return pa.string(), pa.large_string(), pa.binary(), pa.large_binary()


def _texts(column: Any) -> list[str]:
    if not hasattr(column, "dictionary"):
        return [_text(value) for value in column.to_pylist()]
    known = [_text(value) for value in column.dictionary.to_pylist()]
    return ["" if index is None else known[index] for index in column.indices.to_pylist()]


def _text(value: object) -> str:
    """What would stand in a CSV file: 3 for 3.0, so that numbers of items agree; ISO dates; lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value.decode() if isinstance(value, bytes) else str(value)
