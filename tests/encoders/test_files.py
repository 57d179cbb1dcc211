import errno
import os
import threading
from pathlib import Path

import pytest

from recloop.encoders.files import write_atomically


def test_the_bytes_arrive_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "file", b"abc")
    assert (tmp_path / "new" / "file").read_bytes() == b"abc"
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "file"]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old and long")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_leaves_the_older_file_and_no_other(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(call, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_the_bytes_reach_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append((tmp_path / "file").exists())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "file", b"abc")
    assert seen == [False, True]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    versions = {bytes([number]) * 200_000 for number in range(2)}
    write_atomically(tmp_path / "file", min(versions))

    def rewrite() -> None:
        for version in [*versions] * 10:
            write_atomically(tmp_path / "file", version)

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add((tmp_path / "file").read_bytes())
    assert seen <= versions
