import multiprocessing
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.encoders.arrays import save_arrays
from recloop.encoders.cache import Cached
from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.hashing import Hashing

TITLES = [f"film number {number}" for number in range(30)]


class Counting:
    """An encoder that writes down in a file what it was asked for, for all processes to see."""

    dim = 16
    fingerprint = "counting"

    def __init__(self, asked: Path) -> None:
        self.asked = asked

    def encode(self, texts: Sequence[str]) -> Vectors:
        with self.asked.open("a") as file:
            file.write("".join(f"{text}\n" for text in texts))
        return Hashing(dim=self.dim).encode(texts)

    def texts(self) -> list[str]:
        return self.asked.read_text().splitlines()


@pytest.fixture
def inner(tmp_path: Path) -> Counting:
    (tmp_path / "asked").touch()
    return Counting(tmp_path / "asked")


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_a_text_is_asked_for_once_in_this_process_and_the_next(inner: Counting, tmp_path: Path) -> None:
    first = Cached(inner, tmp_path / "cache")
    once = first.encode([*TITLES, TITLES[0]])
    np.testing.assert_array_equal(first.encode([*TITLES, TITLES[0]]), once)
    np.testing.assert_array_equal(Cached(inner, tmp_path / "cache").encode([*TITLES, TITLES[0]]), once)
    np.testing.assert_array_equal(once, Hashing(dim=16).encode([*TITLES, TITLES[0]]))
    assert inner.texts() == TITLES


def test_hits_and_misses_count_distinct_texts(inner: Counting, tmp_path: Path) -> None:
    cached = Cached(inner, tmp_path)
    cached.encode(["heat", "heat", "alien"])
    assert (cached.hits, cached.misses) == (0, 2)
    cached.encode(["alien", "fargo", "alien"])
    assert (cached.hits, cached.misses) == (1, 3)


def test_encoders_of_different_fingerprints_share_a_folder(tmp_path: Path) -> None:
    for seed in (0, 1, 0, 1):
        encoder = Hashing(dim=16, seed=seed)
        np.testing.assert_array_equal(Cached(encoder, tmp_path).encode(TITLES), encoder.encode(TITLES))


def test_what_another_process_adds_meanwhile_is_found(inner: Counting, tmp_path: Path) -> None:
    early, late = Cached(inner, tmp_path / "cache"), Cached(inner, tmp_path / "cache")
    early.encode(["heat"])
    late.encode(["alien"])
    early.encode(["heat", "alien"])
    assert inner.texts() == ["heat", "alien"]


def test_damage_is_noticed_removed_and_made_good(
    inner: Counting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vectors = Cached(inner, tmp_path / "cache").encode(TITLES)
    (shard,) = shards(tmp_path / "cache")
    good, rng = shard.read_bytes(), random.Random(0)
    for trial in range(20):
        place = rng.randrange(len(good))
        flipped = good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1 :]
        shard.write_bytes(good[:place] if trial % 2 else flipped)
        cached = Cached(inner, tmp_path / "cache")
        np.testing.assert_array_equal(cached.encode(TITLES), vectors)
        assert (cached.misses, shard.read_bytes()) == (len(TITLES), good)
    assert f"{shard} is damaged" in caplog.text


def test_a_damaged_file_is_removed_even_when_only_some_of_its_texts_are_wanted(inner: Counting, tmp_path: Path) -> None:
    Cached(inner, tmp_path / "cache").encode(TITLES)
    (shard,) = shards(tmp_path / "cache")
    shard.write_bytes(b"")
    Cached(inner, tmp_path / "cache").encode(TITLES[:3])
    assert shard not in shards(tmp_path / "cache")


def test_a_failing_encoder_leaves_nothing_behind(tmp_path: Path) -> None:
    class Failing(Counting):
        def encode(self, texts: Sequence[str]) -> Vectors:
            raise ValueError("text 0 holds a NaN")

    with pytest.raises(ValueError, match="text 0 holds a NaN"):
        Cached(Failing(tmp_path / "asked"), tmp_path / "cache").encode(["heat"])
    assert shards(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("vectors", "complaint"),
    [
        (np.full((1, 16), np.nan, np.float32), "vector 0 holds a NaN or an infinity"),
        (np.ones((2, 16), np.float32), r"float32 vectors \[2, 16\] for 1 texts"),
        (np.ones((1, 16)), r"float64 vectors \[1, 16\] for 1 texts"),
    ],
)
def test_what_are_no_vectors_is_refused_and_not_kept(
    vectors: Vectors, complaint: str, inner: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inner, "encode", lambda texts: vectors)
    with pytest.raises(ValueError, match=complaint):
        Cached(inner, tmp_path / "cache").encode(["heat"])
    assert shards(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "arrays",
    [
        {"mean": np.ones(3, np.float32)},
        {"keys": np.ones((2, 31), np.uint8), "vectors": np.ones((2, 16), np.float32)},
        {"keys": np.ones((2, 32), np.uint8), "vectors": np.ones((1, 16), np.float32)},
        {"keys": np.ones((2, 32), np.uint8), "vectors": np.ones((2, 16))},
        {"keys": np.array(1, np.uint8), "vectors": np.ones((2, 16), np.float32)},
    ],
)
def test_a_file_that_holds_something_else_counts_as_damaged(
    arrays: dict[str, NDArray[Any]], inner: Counting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cache" / inner.fingerprint / "00.safetensors"
    save_arrays(path, arrays)
    np.testing.assert_array_equal(Cached(inner, tmp_path / "cache").encode(["heat"]), Hashing(dim=16).encode(["heat"]))
    assert f"{path} is damaged (it holds no vectors of 16)" in caplog.text
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(inner: Counting, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="cache"):
        Cached(inner, tmp_path / "cache").encode(["heat"])


def use(encoder: Encoder, folder: Path, seed: int, start: "multiprocessing.synchronize.Barrier") -> None:
    """Ask for random parts of the titles, all of them first, and exit with an error on any wrong vector."""
    rng = random.Random(seed)
    start.wait()
    wanted = TITLES
    for _ in range(10):
        np.testing.assert_array_equal(Cached(encoder, folder).encode(wanted), Hashing(dim=16).encode(wanted))
        wanted = rng.sample([f"{title} part {rng.randrange(3)}" for title in TITLES], k=5)


def test_processes_that_start_together_agree_and_read_the_catalog_once(inner: Counting, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    workers = [context.Process(target=use, args=(inner, tmp_path / "cache", seed, start)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert [text for text in inner.texts() if text in TITLES] == TITLES
