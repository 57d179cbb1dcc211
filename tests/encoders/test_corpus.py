"""Long lists of texts: shards, processes that share them, kills, and damage."""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders import cache, corpus
from recloop.encoders.cache import Cached
from recloop.encoders.corpus import Corpus, digest
from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.hashing import Hashing
from recloop.encoders.rounded import Rounded

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])
PLAIN = Hashing(dim=8)
FILMS = [f"film number {number % 95}" for number in range(100)]  # 13 shards of 8; five texts come twice


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "SHARD_TEXTS", 8)


class Counting(Hashing):
    """An encoder that writes down in a file what it was asked for, and takes its time."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        with Path(os.environ["ASKED"]).open("a") as file:
            file.write("".join(f"{text}\n" for text in texts))
        time.sleep(float(os.environ["SLEEP"]))
        return super().encode(texts)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "asked"
    path.touch()
    monkeypatch.setenv("ASKED", str(path))
    monkeypatch.setenv("SLEEP", "0")
    return path


def work(folder: Path) -> None:
    corpus.SHARD_TEXTS = 8
    Corpus(Counting(dim=8), FILMS, folder).complete()


def test_vectors_are_the_encoder_s_and_mapped(tmp_path: Path) -> None:
    whole = Corpus(PLAIN, FILMS, tmp_path)
    assert whole.complete() == 100
    assert whole.ready
    np.testing.assert_array_equal(whole.vectors(), PLAIN.encode(FILMS))
    assert not whole.vectors().flags.writeable
    np.testing.assert_array_equal(np.load(whole.file.path, mmap_mode="r"), PLAIN.encode(FILMS))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_two_bytes_a_number_lose_nothing_of_a_rounded_encoder(dtype: str, tmp_path: Path) -> None:
    encoder = Rounded(PLAIN, dtype)  # type: ignore[arg-type]
    whole = Corpus(encoder, FILMS, tmp_path)
    whole.complete()
    assert whole.file.path.stat().st_size == 128 + 100 * 8 * 2
    np.testing.assert_array_equal(whole.vectors(), encoder.encode(FILMS))


def test_a_second_process_finds_everything(tmp_path: Path, asked: Path) -> None:
    work(tmp_path)
    work(tmp_path)
    assert asked.read_text().splitlines() == FILMS  # `Hashing` sees to repeated texts within a shard


@pytest.mark.parametrize(
    "others", [FILMS[::-1], FILMS[:-1], [*FILMS[:-2], FILMS[-2] + FILMS[-1], FILMS[0]], ["".join(FILMS)]]
)
def test_every_list_has_its_own_digest(others: list[str]) -> None:
    assert digest(others) != digest(FILMS) == digest(tuple(FILMS))


def test_progress_counts_what_is_done_from_now_on(tmp_path: Path) -> None:
    whole, told = Corpus(PLAIN, FILMS, tmp_path), list[int]()
    whole.complete()
    whole._record(12).unlink()
    whole._record(3).unlink()
    assert whole.num_done() == 88
    assert whole.complete(told.append) == 12
    assert told == [8, 4]


def test_a_blank_text_is_refused_with_its_place_and_the_shards_before_it_stay(tmp_path: Path) -> None:
    whole = Corpus(PLAIN, [*FILMS[:20], " ", "heat"], tmp_path)
    with pytest.raises(ValueError, match="text 20 is blank"):
        whole.complete()
    assert whole.missing() == [2]


def test_processes_share_the_work_and_read_nothing_twice(
    tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEEP", "0.02")
    workers = [CONTEXT.Process(target=shared, args=(dict(os.environ), tmp_path / "cache")) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(asked.read_text().splitlines()) == sorted(FILMS)
    np.testing.assert_array_equal(Corpus(Counting(dim=8), FILMS, tmp_path / "cache").vectors(), PLAIN.encode(FILMS))


def shared(variables: dict[str, str], folder: Path) -> None:
    os.environ.update(variables)  # the fork server's are older
    work(folder)


def test_a_kill_costs_the_shard_under_way_and_the_next_process_takes_it_over(
    tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEEP", "0.05")
    victim = CONTEXT.Process(target=shared, args=(dict(os.environ), tmp_path / "cache"))
    victim.start()
    while asked.read_text().count("\n") < 40:
        time.sleep(0.005)
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    monkeypatch.setenv("SLEEP", "0")
    work(tmp_path / "cache")
    assert 100 <= asked.read_text().count("\n") <= 108
    np.testing.assert_array_equal(Corpus(Counting(dim=8), FILMS, tmp_path / "cache").vectors(), PLAIN.encode(FILMS))


def test_who_holds_a_shard_and_sleeps_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "PATIENCE_SECONDS", 0.3)
    whole = Corpus(PLAIN, FILMS, tmp_path)
    whole.folder.mkdir(parents=True)
    with whole._lock(5) as mine:
        assert mine
        assert Corpus(PLAIN, FILMS, tmp_path).complete() == 100


def test_damage_is_noticed_and_made_good(tmp_path: Path) -> None:
    whole, rng = Corpus(PLAIN, FILMS, tmp_path), random.Random(0)
    whole.complete()
    sound = whole.file.path.read_bytes()
    for trial in range(30):
        place = rng.randrange(len(sound))
        flipped = sound[:place] + bytes([sound[place] ^ 1 << rng.randrange(8)]) + sound[place + 1 :]
        whole.file.path.write_bytes(sound[:place] if trial % 2 else flipped)
        found = Corpus(PLAIN, FILMS, tmp_path)
        if not found.ready:  # a header is mended without reading a text
            found.complete()
        assert found.ready
        assert whole.file.path.read_bytes() == sound


def test_check_finds_a_bit_that_tipped_without_a_trace(tmp_path: Path) -> None:
    whole = Corpus(PLAIN, FILMS, tmp_path)
    whole.complete()
    data = bytearray(whole.file.path.read_bytes())
    data[-1] ^= 1
    times = whole.file.path.stat()
    whole.file.path.write_bytes(data)
    os.utime(whole.file.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert whole.ready
    assert whole.check() == [12]
    assert whole.missing() == [12]


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", json.dumps({"sha256": hashlib.sha256().hexdigest()}).encode()])
def test_a_damaged_record_is_a_shard_to_read_again(record: bytes, tmp_path: Path) -> None:
    whole = Corpus(PLAIN, FILMS, tmp_path)
    whole.complete()
    whole._record(2).write_bytes(record)
    assert whole.check() == [2]
    assert whole.complete() == 8
    assert whole.check() == []


@pytest.mark.parametrize("encoder", [PLAIN, Rounded(PLAIN)], ids=["float32", "float16"])
def test_a_cache_keeps_long_lists_as_a_whole(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MANY_TEXTS", 50)
    for hits, misses in ((0, 100), (100, 0)):
        cached = Cached(encoder, tmp_path)
        np.testing.assert_array_equal(cached.encode(FILMS), encoder.encode(FILMS))
        assert (cached.hits, cached.misses) == (hits, misses)
    assert not list(tmp_path.rglob("*.safetensors"))
    with pytest.raises(ValueError, match="pass a list"):
        Cached(encoder, tmp_path).encode("heat" * 50)
