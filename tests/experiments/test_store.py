"""Files that can be made again: made once, whole, shared."""

import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recloop.experiments.store import mapped, stored


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def writing(content: bytes, calls: list[bytes]) -> Callable[[Path], dict[str, Any]]:
    def write(path: Path) -> dict[str, Any]:
        calls.append(content)
        path.write_bytes(content)
        return {"length": len(content)}

    return write


def test_a_file_is_made_once_and_its_facts_are_kept() -> None:
    calls: list[bytes] = []
    first, again = (stored("kind", "name", writing(b"abc", calls)) for _ in range(2))
    assert first == again
    assert (again.path.read_bytes(), again.facts, calls) == (b"abc", {"length": 3}, [b"abc"])


@pytest.mark.parametrize("damage", [b"abd", b"ab", b""])
def test_a_damaged_file_is_noticed_and_made_again(damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[bytes] = []
    path = stored("kind", "name", writing(b"abc", calls)).path
    path.write_bytes(damage)
    assert stored("kind", "name", writing(b"abc", calls)).path.read_bytes() == b"abc"
    assert len(calls) == 2
    assert "is damaged; making it again" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"sha256": 1, "facts": 2}', b"\xff"])
def test_damaged_facts_are_noticed_too(damage: bytes) -> None:
    calls: list[bytes] = []
    path = stored("kind", "name", writing(b"abc", calls)).path
    path.with_name("name.json").write_bytes(damage)
    assert stored("kind", "name", writing(b"abc", calls)).facts == {"length": 3}
    assert len(calls) == 2


def test_what_could_not_be_made_leaves_nothing(cache: Path) -> None:
    def fail(path: Path) -> dict[str, Any]:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        stored("kind", "name", fail)
    assert [path.name for path in (cache / "kind").iterdir() if not path.name.endswith(".lock")] == []


def test_a_mapped_array_is_what_was_made_and_shares_its_file(cache: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = mapped("six", lambda: values)
    np.testing.assert_array_equal(found, values)
    assert type(found) is np.ndarray
    assert str(cache / "arrays" / "six") in Path("/proc/self/maps").read_text()


def test_what_is_written_to_a_mapped_array_never_reaches_the_file() -> None:
    found = mapped("six", lambda: np.zeros((2, 3), np.float32))
    found[0] = 1
    assert not mapped("six", lambda: found).any()


def _memory_of_the_file(path: str, ready: Any, done: Any, told: Any) -> None:
    """How much of the mapped file is in this process's memory, and its share of what is shared, in KiB."""
    values = mapped("large", lambda: np.ones((4_000, 256), np.float32))
    total = float(values.sum())  # every page is read
    ready.wait()
    maps = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    (entry,) = (entry for entry in maps if path in entry)
    whole, share = (int(re.findall(rf"^{name}: +(\d+) kB", entry, re.MULTILINE)[0]) for name in ("Rss", "Pss"))
    told.put((total, whole, share))
    done.wait()


def test_two_processes_share_the_pages_of_one_file(cache: Path) -> None:
    mapped("large", lambda: np.ones((4_000, 256), np.float32))  # 4 MiB
    context = multiprocessing.get_context("spawn")
    ready, done, told = context.Barrier(2), context.Barrier(2), context.Queue()
    path = str(cache / "arrays" / "large")
    workers = [context.Process(target=_memory_of_the_file, args=(path, ready, done, told)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = [told.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    for total, whole, share in found:
        assert total == 4_000 * 256
        assert whole >= 3_900  # KiB
        assert share <= 0.6 * whole
