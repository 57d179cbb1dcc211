"""One vector cache, many processes: no vector is ever wrong, and nobody waits for ever."""

import logging
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders import cache
from recloop.encoders.cache import Cached
from recloop.encoders.encoder import Vectors
from recloop.encoders.hashing import Hashing

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])
PLAIN = Hashing(dim=16)
FILMS = [f"film number {number}" for number in range(2000)]
WITHIN_SECONDS = 60


class Stuck:
    """An encoder that says in a file that it is at work, and never ends."""

    dim, fingerprint = PLAIN.dim, PLAIN.fingerprint

    def __init__(self, at_work: Path) -> None:
        self.at_work = at_work

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.at_work.touch()
        time.sleep(3600)
        raise AssertionError


def holder(folder: Path, films: list[str]) -> BaseProcess:
    """A process that holds the lock of `films`."""
    at_work = folder.with_name("at work")
    process = CONTEXT.Process(target=Cached(Stuck(at_work), folder).encode, args=(films,))
    process.start()
    while not at_work.exists():
        time.sleep(0.01)
    return process


def send(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def test_a_process_killed_while_it_holds_the_lock_holds_up_nobody(tmp_path: Path) -> None:
    process = holder(tmp_path / "cache", FILMS[:1])
    send(process, signal.SIGKILL)
    process.join()
    started = time.monotonic()
    np.testing.assert_array_equal(Cached(PLAIN, tmp_path / "cache").encode(FILMS[:1]), PLAIN.encode(FILMS[:1]))
    assert time.monotonic() - started < 5


def test_a_process_that_sleeps_while_it_holds_the_lock_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cache, "PATIENCE_SECONDS", 0.1)
    process = holder(tmp_path / "cache", FILMS[:1])
    try:
        np.testing.assert_array_equal(Cached(PLAIN, tmp_path / "cache").encode(FILMS[:1]), PLAIN.encode(FILMS[:1]))
    finally:
        send(process, signal.SIGKILL)
        process.join()
    assert "lock: held for 0.1 s; reading 1 texts beside it" in caplog.text


def use(folder: Path, seed: int, films: list[str], pick: int, until: float, calls: Path) -> None:
    """Ask for the last of `films`, then for `pick` random ones again and again, each time as a process that is new.

    A wrong vector, or a file that seems damaged, ends the process.
    """
    logging.getLogger(cache.__name__).addHandler(Refusing())
    rng, wanted, count = random.Random(seed), films[-1:], 0
    while time.time() < until:
        np.testing.assert_array_equal(Cached(PLAIN, folder).encode(wanted), PLAIN.encode(wanted))
        wanted, count = rng.sample(films, pick), count + 1
    calls.write_text(str(count))


class Refusing(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise AssertionError(record.getMessage())


@pytest.mark.slow
def test_8_writers_and_8_readers_wait_for_one_that_is_killed_and_read_nothing_wrong(tmp_path: Path) -> None:
    folder, seconds = tmp_path / "cache", 30
    known = FILMS[:500]
    Cached(PLAIN, folder).encode(known)
    victim, until = holder(folder, FILMS[-1:]), time.time() + seconds
    roles = [(seed, *((FILMS, 40) if seed < 8 else (known, 1))) for seed in range(16)]
    users = [CONTEXT.Process(target=use, args=(folder, *role, until, tmp_path / f"calls {role[0]}")) for role in roles]
    for user in users:
        user.start()
    time.sleep(seconds / 2)
    send(victim, signal.SIGKILL)
    for user in users:
        user.join(WITHIN_SECONDS)
    assert [user.exitcode for user in users] == [0] * 16
    calls = [int((tmp_path / f"calls {seed}").read_text()) for seed in range(16)]
    print(f"{sum(calls[:8])} calls of writers and {sum(calls[8:])} of readers, 0 wrong")
    assert min(calls[:8]) > 1  # they waited for the victim, and went on
    assert min(calls[8:]) > 1
