"""Files that are either complete or absent, whatever happens while they are written, and where they are kept."""

import os
import uuid
from pathlib import Path


def cache_folder() -> Path:
    """Where recloop keeps what can be made again: `RECLOOP_CACHE`, or the user's cache directory."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("RECLOOP_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else user_cache_path("recloop")


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader sees the old file or the new one, never a part of either.

    The bytes go to a temporary file in the same folder, reach the disk, and take the name in one step; the rename
    itself reaches the disk before this returns. On any error, a full disk included, the temporary file is removed, an
    older file at `path` stays as it was, and the error goes on to the caller. Missing folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # KeyboardInterrupt too: nothing half-written stays behind
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
