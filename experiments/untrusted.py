"""Files that may be a stranger's: paths that stay in their folder, JSON within limits that holds values only."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from recloop.experiments.errors import UsageError

JSON_BYTES = 4_000_000
JSON_DEPTH = 20
JSON_VALUES = 40_000
"""Limits on a JSON file, names counted as values; the configuration of a suite with a thousand cells stays below."""

_KEY_CHARACTERS = 200

T = TypeVar("T")


def regular_file(folder: Path, name: str, max_bytes: int) -> Path:
    """The path of a file in `folder`: not too large, no pipe that would hang its reader, nor a link that leads out.

    Raises:
        UsageError: it is none of that, or missing.
    """
    path = inside(folder, folder / name)
    if not path.is_file():
        raise UsageError(f"{path}: no such file; name a run folder that holds it, or run again")
    if (size := path.stat().st_size) > max_bytes:
        raise UsageError(f"{path}: {size:,} bytes, more than the {max_bytes:,} that are read; is this run recloop's?")
    return path


def inside(folder: Path, path: Path) -> Path:
    """`path`, unless links lead it out of `folder`.

    Raises:
        UsageError: they do.
    """
    try:
        stays = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        stays = False
    if not stays:
        raise UsageError(f"{path}: leads out of the run folder; put the file itself there, not a link")
    return path


def read(path: Path, reader: Callable[[Path], T]) -> T:
    """What `reader` makes of a file that may be damaged.

    Raises:
        UsageError: it cannot make anything of it.
    """
    try:
        return reader(path)
    except RecursionError as error:
        raise UsageError(f"{path}: nested too deeply; is this run recloop's?") from error
    except (ValueError, LookupError, TypeError, ArithmeticError, OSError) as error:
        reason = str(error).partition("\n")[0][:200]
        if reason.startswith(str(path)):  # it names the file already, and the remedy
            raise UsageError(reason) from error
        raise UsageError(f"{path}: damaged ({reason}); restore it from a copy, or run again") from error


def read_json(folder: Path, name: str) -> Any:
    """The content of a JSON file in `folder`: finite numbers and plain texts, without interpolations, within limits.

    Raises:
        UsageError: naming the file, what is wrong with it and the remedy.
    """
    path = regular_file(folder, name, JSON_BYTES)
    node = read(path, lambda file: json.loads(file.read_bytes()))
    check_json(node, str(path))
    return node


def check_json(node: Any, where: str) -> None:
    """Hold what was parsed as JSON against the limits; `where` stands before the message.

    Raises:
        UsageError: naming key, value and remedy.
    """
    for count, (key, value, depth) in enumerate(_values(node, "", 0)):
        reason = _fault(value)
        if count > JSON_VALUES:
            reason = f"is one of more than {JSON_VALUES:,} values; is this run recloop's?"
        elif depth > JSON_DEPTH:
            reason = f"lies deeper than {JSON_DEPTH} levels; is this run recloop's?"
        if reason:
            raise UsageError(f"{where}: {key[:_KEY_CHARACTERS]!r} {reason}")


def _values(node: Any, key: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    """Every value of a tree and every name in it, with its dotted key and depth; one level more than is allowed."""
    yield key, node, depth
    if depth > JSON_DEPTH:
        return
    children: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        below = f"{key}.{str(name)[:_KEY_CHARACTERS]}".lstrip(".")
        yield below, name, depth
        yield from _values(child, below, depth + 1)


def _fault(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}; give a finite number"
    if not isinstance(value, str):
        return ""
    if "${" in value or value == "???":
        return f"is {value[:80]!r}; a stored file holds no interpolations, write the value itself"
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        return f"is {value[:80]!r}, which is no text; remove the sign that is none"
    return ""
