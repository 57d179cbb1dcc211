"""Signals end a run where its state can be kept, with a sentence and 128 + n."""

import json
import os
import pickle
import signal
import time
from pathlib import Path

import pytest

from recloop.experiments.checkpoints import latest_state
from recloop.experiments.signals import PutOff, Stopped, heard, put_off
from tests.experiments import tiny


def test_a_signal_is_raised_by_name() -> None:
    with pytest.raises(Stopped) as stop, heard():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.value.number == signal.SIGTERM


def test_handlers_of_others_are_left_alone() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    try:
        with heard():
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert came == [signal.SIGUSR1]


def test_afterwards_the_handlers_are_what_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)]
    with heard(), put_off():
        pass
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)]
    assert before == after


def test_a_signal_put_off_is_raised_when_asked_for() -> None:
    with heard(), put_off() as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert signals.received == signal.SIGUSR1
        with pytest.raises(Stopped):
            signals.raise_received()


def test_without_a_signal_nothing_is_raised() -> None:
    PutOff().raise_received()


def test_a_second_signal_is_not_put_off() -> None:
    with heard(), put_off():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_waits_no_longer_than_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recloop.experiments.signals.GRACE_SECONDS", 0.05)
    with heard(), put_off():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped) as stop:
            time.sleep(30)
    assert stop.value.number == signal.SIGTERM


def test_it_passes_between_processes() -> None:
    stop = pickle.loads(pickle.dumps(Stopped(signal.SIGTERM, "go on")))
    assert (stop.number, str(stop)) == (signal.SIGTERM, "go on")


def journal_of(folder: Path) -> Path:
    return folder / "metrics.jsonl"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)], ids=["SIGTERM", "SIGUSR1"]
)
def test_a_run_that_is_told_to_end_keeps_its_state(number: signal.Signals, tmp_path: Path) -> None:
    for name in ("films", "home"):
        (tmp_path / name).mkdir()
    small = [word for word in tiny.settings(tiny.films(tmp_path / "films")) if not word.startswith("steps=")]
    folder = tmp_path / "run"
    words = ["train", *small, *tiny.PPO, "steps=200000", f"run_dir={folder}"]
    process = tiny.start(words, tmp_path / "home", tmp_path / "cache")
    try:
        while not journal_of(folder).exists() or not journal_of(folder).stat().st_size:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        process.send_signal(number)
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, output) == (128 + number, ""), error
    assert error.splitlines()[-1] == f"recloop: stopped; go on with resume=true run_dir={folder}"
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
    state = latest_state(folder / "checkpoints")
    assert state is not None
    assert state.facts["journal"] == journal_of(folder).stat().st_size
