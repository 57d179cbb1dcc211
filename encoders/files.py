"""Files that are either complete or absent, whatever happens while they are written, and where they are kept."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Where recloop keeps what can be made again: `RECLOOP_CACHE`, or the user's cache directory."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("RECLOOP_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else user_cache_path("recloop")


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path`; see `atomically`."""
    with atomically(path) as temporary, temporary.open("xb") as file:
        file.write(data)


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder, which takes the name `path` when the block ends.

    A reader sees the old file or the new one, never a part of either: the bytes reach the disk, and take the name in
    one step; the rename itself reaches the disk before this ends. On any error, a full disk included, the temporary
    file is removed, an older file at `path` stays as it was, and the error goes on to the caller. Missing folders are
    made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except BaseException:  # KeyboardInterrupt too: nothing half-written stays behind
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
