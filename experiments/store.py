"""Large files that can be made again: made once a machine, mapped by every process that wants them."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recloop.agents.policy import Floats
from recloop.encoders.files import atomically, cache_folder, write_atomically
from recloop.encoders.fingerprint import file_fingerprint

log = logging.getLogger(__name__)

Write = Callable[[Path], Mapping[str, Any]]
"""Writes a file at a path, and gives facts that are kept beside it, as JSON."""


class Stored(NamedTuple):
    """A file that is whole."""

    path: Path
    facts: dict[str, Any]


def stored(kind: str, fingerprint: str, write: Write) -> Stored:
    """The file `KIND/FINGERPRINT` of the cache folder; `write` makes it if it is not there.

    Of several processes that want it at once, one makes it. A damaged file is noticed by its checksum, and made again.

    Raises:
        OSError: the cache folder cannot be written.
    """
    path = cache_folder() / kind / fingerprint
    if (facts := _facts(path)) is None:
        with _alone(path):
            if (facts := _facts(path)) is None:  # still: nobody made it meanwhile
                facts = _make(path, write)
    return Stored(path, facts)


def mapped(fingerprint: str, make: Callable[[], Floats]) -> Floats:
    """The array [n, dim] of that name, mapped from a file: as many processes as want it share its pages.

    `make` gives it, the first time. It can be written to, since PyTorch wants that of an array that it shares; what is
    written goes to pages of the writer's own and never to the file.
    """

    def write(path: Path) -> dict[str, Any]:
        with path.open("xb") as file:  # `np.save` would add an ending to the name
            np.save(file, make(), allow_pickle=False)
        return {}

    found = stored("arrays", fingerprint, write)
    return np.asarray(np.load(found.path, mmap_mode="c", allow_pickle=False))


def _make(path: Path, write: Write) -> dict[str, Any]:
    with atomically(path) as temporary:
        facts = dict(write(temporary))
        sealed = {"sha256": file_fingerprint(temporary), "facts": facts}
        _beside(path).unlink(missing_ok=True)  # which told of another file
    write_atomically(_beside(path), json.dumps(sealed).encode())
    return facts


def _facts(path: Path) -> dict[str, Any] | None:
    """What is known of a file that is whole; None if it has to be made."""
    try:
        sealed = json.loads(_beside(path).read_bytes())
        promised, facts = sealed["sha256"], dict(sealed["facts"])
        if promised == file_fingerprint(path):
            return facts
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError):
        pass
    log.warning("%s is damaged; making it again", path)
    return None


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield
