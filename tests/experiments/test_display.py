"""What a person sees of the progress."""

import os
import pty
import signal
import subprocess
import sys
import time
from io import StringIO
from itertools import count

import pytest
from rich.console import Console

from recloop.experiments.display import display
from recloop.experiments.progress import progress

SHOW_CURSOR = "\x1b[?25h"
HIDE_CURSOR = "\x1b[?25l"

TRAINING_WITHOUT_END = """
import time
from recloop.experiments.display import display
from recloop.experiments.progress import from_workers, progress

if __name__ == "__main__":
    with display(runs=2) as shown, from_workers(shown) as reporter, progress(reporter, "ppo", 10**6) as bar:
        while True:
            bar.advance(1)
            time.sleep(0.01)
"""


def page(terminal: bool) -> Console:
    return Console(file=StringIO(), force_terminal=terminal, width=160, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def final_line(console: Console) -> str:
    """The last line with words: what comes after gives the cursor back."""
    return text(console).removesuffix(SHOW_CURSOR).rstrip().splitlines()[-1]


@pytest.fixture
def _a_clock_that_moves_a_second_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(1)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))


@pytest.mark.usefixtures("_a_clock_that_moves_a_second_a_look")
def test_without_a_terminal_a_line_comes_every_ten_seconds_and_at_the_end() -> None:
    console = page(terminal=False)
    with display(console=console) as reporter, progress(reporter, "ppo", 2000) as bar:
        for clicks in range(20):
            bar.advance(100, clicks=clicks)
    lines = text(console).splitlines()
    assert lines[0] == "ppo: 1,000 of 2,000 steps, 83/s, 12 s left, clicks 9"
    assert lines[-1].startswith("ppo: 2,000 of 2,000 steps, ")
    assert 2 <= len(lines) <= 4


def test_without_a_terminal_each_run_that_ends_is_counted() -> None:
    console = page(terminal=False)
    with display(runs=2, console=console) as reporter:
        for label in ("ppo-seed0", "dqn-seed0"):
            with progress(reporter, label, 64) as bar:
                bar.advance(64)
    assert [line.partition(": ")[0] for line in text(console).splitlines()] == [
        "[1 of 2 runs] ppo-seed0",
        "[2 of 2 runs] dqn-seed0",
    ]


def test_on_a_terminal_a_bar_stays_with_its_last_figure() -> None:
    console = page(terminal=True)
    with display(console=console) as reporter, progress(reporter, "ppo", 128) as bar:
        bar.advance(128, clicks=12.25)
    last = final_line(console)
    assert "ppo" in last
    assert "128 of 128 steps" in last
    assert "clicks 12.25" in last


def test_on_a_terminal_a_suite_ends_with_how_many_ran() -> None:
    console = page(terminal=True)
    with display(runs=2, console=console) as reporter:
        for label in ("ppo-seed0", "dqn-seed0"):
            with progress(reporter, label, 64) as bar:
                bar.advance(64)
    assert "2 of 2 runs" in final_line(console)


def test_an_interrupt_leaves_the_terminal_as_it_was() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    child = subprocess.Popen(
        [sys.executable, "-c", TRAINING_WITHOUT_END],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = _read_until(ours, "steps")
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: the worker's helper gets it too
    shown += _read_until(ours, None)
    os.close(ours)
    assert child.wait(timeout=10) != 0
    assert HIDE_CURSOR in shown
    assert shown.rfind(SHOW_CURSOR) > shown.rfind(HIDE_CURSOR)
    assert shown.count("Traceback") == 1  # the interrupt's own, which recloop's command line turns into a sentence


def _read_until(terminal: int, words: str | None) -> str:
    """What appears until `words` do, or until the other side is closed."""
    shown = ""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (words is None or words not in shown):
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # Linux's way to say that nobody holds the other side
            break
    return shown
