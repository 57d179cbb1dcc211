"""Tables of text, as data sets are written in: every complaint names file, line and column, and says what to do."""

import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recloop.envs.catalog import Floats, Ints

_LARGEST = 1e12  # stars or seconds
_SHOWN = 60  # characters of a value


class Tabs(csv.Dialect):
    """Values between tabs, never in quotes: RecBole's atomic files and Orange's tables."""

    delimiter = "\t"
    quoting = csv.QUOTE_NONE
    lineterminator = "\n"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of text and where they stand.

    Args:
        path: of the file.
        columns: values by the column's name, each [rows].
        lines: the number of each row in the file, [rows].
        remedy: what to do about a file that is not what it should be, for messages.
        sha256: of the file, in hexadecimal.
        unit: "line", or "row" where a file has no lines.
    """

    path: Path
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    remedy: str
    sha256: str
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, column: str) -> Sequence[str]:
        return self.columns[column]

    def rows(self) -> Iterator[dict[str, str]]:
        """The rows, each by column."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def row(self, row: int) -> dict[str, str]:
        """One row by column."""
        return {column: values[row] for column, values in self.columns.items()}

    def complaint(self, row: int, problem: str, remedy: str = "") -> str:
        """A sentence that says where the problem is and what to do."""
        return f"{self.path}, {self.unit} {self.lines[row]}: {problem}; {remedy or self.remedy}"

    def repeated(self, column: str) -> Iterator[str]:
        """A complaint for every value of `column` that an earlier row has."""
        seen: set[str] = set()
        for row, value in enumerate(self[column]):
            if value in seen:
                yield self.complaint(row, f"{column} {_short(value)} comes twice")
            seen.add(value)

    def unreadable(self, column: str, read: Callable[[str], object], remedy: str = "") -> Iterator[str]:
        """A complaint for every value of `column` that `read` refuses with a `ValueError` or a `KeyError`."""
        for row, value in enumerate(self[column]):
            try:
                read(value)
            except (KeyError, ValueError):
                yield self.complaint(row, f"{column} is {_short(value)}", remedy)

    def numbered(self, column: str) -> dict[str, int]:
        """The row of each value of `column`, where none may come twice."""
        refuse(self.repeated(column))
        return {value: row for row, value in enumerate(self[column])}

    def numbers(self, column: str) -> Floats:
        """The finite numbers that `column` says, [rows]."""
        return np.array(self._read(column, number), np.float32)

    def seconds(self, column: str) -> Ints:
        """The times that `column` says, as whole seconds, [rows]."""
        return np.array(self._read(column, number), np.float64).astype(np.int64)

    def refer(self, column: str, numbered: Mapping[str, int]) -> Ints:
        """The rows of another table that `column` names, [rows]."""
        return np.array(self._read(column, numbered.__getitem__), np.int64)

    def _read(self, column: str, read: Callable[[str], float]) -> list[float]:
        try:
            return [read(value) for value in self[column]]
        except (KeyError, ValueError):
            refuse(self.unreadable(column, read))
            raise


def _short(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")


def refuse(problems: Iterator[str]) -> None:
    """Raise a `ValueError` with the first of the problems, if there is one."""
    for problem in problems:
        raise ValueError(problem)


def number(text: str) -> float:
    """The finite number that `text` says; a `ValueError` if it says none, or one that is no stars and no seconds."""
    value = float(text)
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise ValueError
    return value


def read_csv(
    path: Path,
    content: bytes,
    columns: Sequence[str],
    dialect: type[csv.Dialect] = csv.excel,
    encoding: str = "utf-8",
    remedy: str = "fetch the file again",
) -> Table:
    """The table that `content` holds, of which `columns` must be there; what follows a ":" in a name is its type.

    Raises:
        ValueError: naming file, line and column of what is wrong.
    """
    try:
        text = content.decode(encoding).removeprefix("\ufeff")  # the mark that spreadsheets put in front
        rows, lines = _rows(text, dialect)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, byte {error.start}: not UTF-8; {remedy}") from None
    except csv.Error as error:
        raise ValueError(f"{path}: no table ({error}); {remedy}") from None
    names = [name.split(":")[0].strip() for name in rows[0]] if rows else []
    check_names(path, names, columns, remedy)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(names):
            raise ValueError(f"{path}, line {line}: {len(row)} columns instead of {len(names)}; {remedy}")
    columnwise = zip(*rows, strict=True)
    values = {name: column[1:] for name, column in zip(names, columnwise, strict=True)}
    return Table(path, values, lines[1:], remedy, hashlib.sha256(content).hexdigest())


def _rows(text: str, dialect: type[csv.Dialect]) -> tuple[list[list[str]], Sequence[int]]:
    """The rows that are not blank, and the lines on which they end."""
    reader = csv.reader(io.StringIO(text, newline=""), dialect, strict=True)
    rows = list(reader)
    if reader.line_num == len(rows) and all(rows):
        return rows, range(1, len(rows) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), dialect, strict=True)
    lines = [reader.line_num for values in reader if values]
    return [values for values in rows if values], lines


def check_names(path: Path, names: Sequence[str], columns: Sequence[str], remedy: str) -> None:
    """Refuse a header without the `columns` that must be there, or with a name that comes twice."""
    for column in columns:
        if column not in names:
            raise ValueError(f"{path}: no column {column} among {_short(', '.join(names))}; {remedy}")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path}: column {name!r} comes twice; {remedy}")
