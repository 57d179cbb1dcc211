"""Whoever does the work tells a reporter, here or in another process."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from recloop.experiments.progress import Reporter, Silent, from_workers, progress


class Heard:
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str | int, ...]] = []

    def started(self, label: str, total: int) -> None:
        self.events.append(("started", label, total))

    def advanced(self, label: str, steps: int, note: str) -> None:
        self.events.append(("advanced", label, steps, note))

    def finished(self, label: str) -> None:
        self.events.append(("finished", label))

    def of(self, label: str) -> list[tuple[str | int, ...]]:
        return [event for event in self.events if event[1] == label]


def work(reporter: Reporter, label: str) -> None:
    with progress(reporter, label, 1000) as bar:
        for step in range(1000):
            bar.advance(1, clicks=step / 100)


def test_a_piece_of_work_is_told_from_start_to_end() -> None:
    heard = Heard()
    with progress(heard, "ppo", 128) as bar:
        bar.advance(64)
        bar.advance(64, clicks_per_session=12.345, loss=0.5)
    assert heard.events == [
        ("started", "ppo", 128),
        ("advanced", "ppo", 64, ""),
        ("advanced", "ppo", 64, "clicks per session 12.35, loss 0.5"),
        ("finished", "ppo"),
    ]


def test_work_that_fails_is_over_too() -> None:
    heard = Heard()
    with pytest.raises(KeyboardInterrupt), progress(heard, "ppo", 128):
        raise KeyboardInterrupt
    assert heard.events[-1] == ("finished", "ppo")


def test_silence_takes_everything() -> None:
    work(Silent(), "ppo")


def test_two_workers_are_heard() -> None:
    heard = Heard()
    with from_workers(heard) as reporter, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for label in ("a", "b"):
            pool.submit(reporter.started, label, 64).result()
            pool.submit(reporter.advanced, label, 64, "clicks 12.3").result()
            pool.submit(reporter.finished, label).result()
    for label in ("a", "b"):
        assert heard.of(label) == [
            ("started", label, 64),
            ("advanced", label, 64, "clicks 12.3"),
            ("finished", label),
        ]


def test_many_small_steps_are_sent_in_few_messages_and_none_is_lost() -> None:
    heard = Heard()
    with from_workers(heard) as reporter:
        work(reporter, "a")
    first, *between, last = heard.events
    assert (first, last) == (("started", "a", 1000), ("finished", "a"))
    assert sum(int(event[2]) for event in between) == 1000
    assert between[-1][3] == "clicks 9.99"
    assert len(between) < 100


def test_what_was_said_before_an_interrupt_is_heard() -> None:
    heard = Heard()

    def interrupted() -> None:
        with from_workers(heard) as reporter:
            work(reporter, "a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert heard.events[-1] == ("finished", "a")
