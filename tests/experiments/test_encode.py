"""`recloop encode`: texts of the items or of a file, resumed, refused, and found again by training."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recloop.encoders import corpus
from recloop.encoders.cache import Cached
from recloop.encoders.hashing import Hashing
from recloop.experiments.encode import read_texts
from recloop.experiments.errors import UsageError
from tests.experiments import tiny

TITLES = [f"film number {number}" for number in range(50)]
WORDS = ("encoder=hashing", "encoder.dim=16")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vectors"


@pytest.fixture
def titles(tmp_path: Path) -> Path:
    path = tmp_path / "titles.txt"
    path.write_text("\n".join(TITLES))
    return path


def test_a_file_is_read_once_and_its_vectors_are_found_by_the_cache(
    titles: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("encode", "--file", str(titles), *WORDS) == 0
    assert "50 texts, 50 of them now, " in capsys.readouterr().out
    assert tiny.recloop("encode", "--file", str(titles), *WORDS) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "50 of 50 texts have been read before"
    assert second.startswith(f"50 texts: {kept}")
    assert second.endswith("vectors.npy, float32 [50, 16]")
    cached = Cached(Hashing(dim=16), kept)
    np.testing.assert_array_equal(cached.encode(TITLES), Hashing(dim=16).encode(TITLES))
    assert (cached.hits, cached.misses) == (50, 0)


def test_the_items_of_an_environment_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("encode", *tiny.settings(tiny.films(tmp_path))) == 0
    assert f"{tiny.NUM_FILMS} texts" in capsys.readouterr().out


def test_damaged_shards_are_read_again(titles: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.recloop("encode", "--file", str(titles), *WORDS)
    (path,) = kept.rglob("vectors.npy")
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + b"?")
    assert tiny.recloop("encode", "--file", str(titles), *WORDS) == 0
    assert "1 shards are damaged; they are read again" in capsys.readouterr().out
    assert path.read_bytes() == sound


@pytest.mark.parametrize("name", ["films.csv", "films.parquet", "films.txt"])
def test_tables_and_lines_are_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": [1, 2], "title": ["Heat", "Alien, again"]}), path)
    else:
        path.write_text('id,title\n1,Heat\n2,"Alien, again"\n' if path.suffix == ".csv" else "Heat\n\nAlien, again\n")
    assert read_texts(path, "title") == ["Heat", "Alien, again"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("films.doc", b"Heat", "no such table"),
        ("films.csv", b"id,name\n1,Heat\n", "no column title among 'id, name'"),
        ("films.txt", b"\xff\xfe", "byte 0: not UTF-8"),
        ("films.txt", b"\n", "no texts"),
    ],
)
def test_what_holds_no_texts_is_refused(name: str, content: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=complaint):
        read_texts(tmp_path / name, "title")


def test_ctrl_c_keeps_what_has_been_read_and_says_so(
    titles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(corpus, "SHARD_TEXTS", 20)
    read = Hashing.encode

    def interrupted(self: Hashing, texts: list[str]) -> object:
        if texts[0] == TITLES[20]:
            os.kill(os.getpid(), signal.SIGINT)
        return read(self, texts)

    monkeypatch.setattr(Hashing, "encode", interrupted)
    assert tiny.recloop("encode", "--file", str(titles), *WORDS) == 130
    assert "stopped; 20 of 50 texts are kept; the same command goes on" in capsys.readouterr().err


@pytest.mark.slow
def test_processes_of_which_one_is_killed_read_a_file_together(tmp_path: Path, kept: Path) -> None:
    texts = [f"film number {number}" for number in range(20_000)]
    (tmp_path / "many.txt").write_text("\n".join(texts))
    command = [sys.executable, "-m", "recloop.experiments.cli", "encode", "--file", str(tmp_path / "many.txt"), *WORDS]
    victim, *others = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(3)]
    while not list(kept.rglob("0*.json")):
        time.sleep(0.01)
    victim.kill()
    victim.wait()
    assert [other.wait() for other in others] == [0, 0]
    cached = Cached(Hashing(dim=16), kept)
    np.testing.assert_array_equal(cached.encode(texts), Hashing(dim=16).encode(texts))
    assert (cached.hits, cached.misses) == (20_000, 0)


def test_ray_that_does_not_start_is_one_line(
    titles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise RuntimeError("the node timed out\nat line 7")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=refuse))
    assert tiny.recloop("encode", "--file", str(titles), "--ray", "2", *WORDS) == 2
    assert "recloop: --ray: Ray does not start (the node timed out); see RAY_ADDRESS" in capsys.readouterr().err


@pytest.mark.slow
def test_ray_reads_a_file(titles: Path, kept: Path) -> None:
    pytest.importorskip("ray")
    command = [sys.executable, "-m", "recloop.experiments.cli", "encode", "--file", str(titles), "--ray", "2", *WORDS]
    subprocess.run(command, check=True)
    np.testing.assert_array_equal(Cached(Hashing(dim=16), kept).encode(TITLES), Hashing(dim=16).encode(TITLES))
