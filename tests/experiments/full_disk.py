"""A disk that is full from the n-th call on: what is written, synced, renamed or made in a folder fails with ENOSPC."""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

_WRITING = set("wxa+")


class Disk:
    """Counts the calls that make something last in `folder`, and refuses those from number `full_from` on."""

    def __init__(self, folder: Path, full_from: int | None) -> None:
        self.folder, self.full_from, self.calls = str(folder), full_from, 0

    def take(self, where: object) -> None:
        """Count a call for a path or a file descriptor; raises OSError when the disk is full."""
        path = str(Path(f"/proc/self/fd/{where}").readlink() if isinstance(where, int) else where)
        if not path.startswith(self.folder):
            return
        self.calls += 1
        if self.full_from is not None and self.calls >= self.full_from:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


@contextmanager
def disk(folder: Path, full_from: int | None = None) -> Iterator[Disk]:
    """Within the block all writing in `folder` goes to such a disk; files that are there can be read and removed."""
    one = Disk(folder, full_from)

    class File(io.FileIO):
        """A file that is written in halves, so that a full disk leaves the first one."""

        def write(self, data: Any) -> int:
            super().write(memoryview(data)[: len(data) // 2])
            one.take(self.fileno())
            super().write(memoryview(data)[len(data) // 2 :])
            return len(data)

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if isinstance(file, int) or not _WRITING & set(mode) or not os.fspath(file).startswith(one.folder):
            return _open(file, mode, *arguments, **options)
        one.take(file)
        binary = io.BufferedWriter(File(file, mode.replace("b", "").replace("t", "")))
        return binary if "b" in mode else io.TextIOWrapper(binary, encoding=options.get("encoding"), write_through=True)

    def made(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            one.take(path)
        return _made(path, flags, *arguments, **options)

    def counted(name: str) -> Callable[..., Any]:
        function = getattr(os, name)

        def call(where: Any, *arguments: Any, **options: Any) -> Any:
            one.take(where)
            return function(where, *arguments, **options)

        return call

    _open, _made = builtins.open, os.open
    patches: dict[str, Any] = {name: counted(name) for name in ("write", "fsync", "replace", "rename", "mkdir")}
    with mock.patch.multiple(os, **patches, open=made), mock.patch.object(io, "open", opened):
        yield one
