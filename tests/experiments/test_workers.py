"""Processes that stop cleanly on Ctrl-C."""

import os
import signal
import time
from pathlib import Path

import pytest

from recloop.experiments import workers as module
from recloop.experiments.workers import call, unheard, workers


def patient(path: Path) -> str:
    """Say that it has begun, then wait for Ctrl-C, and tidy up at leisure."""
    path.touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(0.5)
        return "tidied up"
    return "not interrupted"


def blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_workers_hear_ctrl_c_while_they_are_called_and_not_before() -> None:
    with workers(1) as pool:
        with unheard():
            futures = [pool.submit(blocked), pool.submit(call, blocked), pool.submit(blocked)]
        assert [future.result() for future in futures] == [True, False, True]


def test_when_the_block_ends_early_what_runs_is_interrupted_once_and_nothing_else_begins(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ZeroDivisionError), workers(1) as pool:  # noqa: PT012
        with unheard():
            futures = [pool.submit(call, patient, tmp_path / str(number)) for number in range(4)]
        while not (tmp_path / "0").exists():
            time.sleep(0.02)
        for pid in pool._processes:
            os.kill(pid, signal.SIGINT)  # as a terminal does, before the pool itself
        raise ZeroDivisionError
    assert futures[0].result() == "tidied up"
    assert all(future.cancelled() or isinstance(future.exception(), KeyboardInterrupt) for future in futures[1:])
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
    assert time.monotonic() - started < 30


def test_ctrl_c_waits_until_it_may_be_heard() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), unheard():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        reached = True
    assert reached
    assert not blocked()


def test_a_call_after_the_stop_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        def is_set(self) -> bool:
            return True

    monkeypatch.setattr(module, "_stopping", Stopped())
    with pytest.raises(KeyboardInterrupt):
        call(pytest.fail, "it has begun")
