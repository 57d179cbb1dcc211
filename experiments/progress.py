"""How far a run is, told by whoever does the work, in this process or in another."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from queue import Queue
from threading import Thread
from typing import NamedTuple, Protocol, cast

_SEND_SECONDS = 0.2


class Reporter(Protocol):
    """Is told how far pieces of work are, each known by a label that no other has."""

    def started(self, label: str, total: int) -> None:
        """`label` begins; it is `total` steps long."""
        ...

    def advanced(self, label: str, steps: int, note: str) -> None:
        """`label` is `steps` further; `note` is its latest figure, empty if there is no newer one."""
        ...

    def finished(self, label: str) -> None:
        """`label` has ended, well or not."""
        ...


class Silent:
    """Tells nobody."""

    def started(self, label: str, total: int) -> None:
        """Nothing."""

    def advanced(self, label: str, steps: int, note: str) -> None:
        """Nothing."""

    def finished(self, label: str) -> None:
        """Nothing."""


class Bar:
    """One piece of work, to the one who does it."""

    def __init__(self, reporter: Reporter, label: str) -> None:
        self._reporter = reporter
        self._label = label

    def advance(self, steps: int, **figures: float) -> None:
        """`steps` more are done; `figures` are the latest, shown as `clicks 12.3`."""
        note = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items())
        self._reporter.advanced(self._label, steps, note)


@contextmanager
def progress(reporter: Reporter, label: str, total_steps: int) -> Iterator[Bar]:
    """Report the work of the block as `label`, however it ends."""
    reporter.started(label, total_steps)
    try:
        yield Bar(reporter, label)
    finally:
        reporter.finished(label)


@contextmanager
def from_workers(reporter: Reporter) -> Iterator[Reporter]:
    """A reporter to hand to other processes, as an argument: what it is told there, `reporter` hears here."""
    with get_context("spawn").Manager() as manager:
        messages = cast("Queue[_Message | None]", manager.Queue())
        listener = Thread(target=_listen, args=(messages, reporter), daemon=True)
        listener.start()
        try:
            yield _Sender(messages)
        finally:
            messages.put(None)
            listener.join()


class _Message(NamedTuple):
    event: str  # a method of Reporter
    arguments: tuple[str | int, ...]


def _listen(messages: "Queue[_Message | None]", reporter: Reporter) -> None:
    while message := messages.get():
        getattr(reporter, message.event)(*message.arguments)


class _Sender:
    """Sends what it is told, several steps in one message: one every 0.2 s and label is enough for the eye."""

    def __init__(self, messages: "Queue[_Message | None]") -> None:
        self._messages = messages
        self._unsent: dict[str, tuple[int, str]] = {}
        self._sent_at: dict[str, float] = {}

    def started(self, label: str, total: int) -> None:
        self._messages.put(_Message("started", (label, total)))

    def advanced(self, label: str, steps: int, note: str) -> None:
        before, last_note = self._unsent.get(label, (0, ""))
        self._unsent[label] = (before + steps, note or last_note)
        if time.monotonic() - self._sent_at.get(label, 0.0) >= _SEND_SECONDS:
            self._send(label)

    def finished(self, label: str) -> None:
        self._send(label)
        self._messages.put(_Message("finished", (label,)))

    def _send(self, label: str) -> None:
        if label in self._unsent:
            self._messages.put(_Message("advanced", (label, *self._unsent.pop(label))))
        self._sent_at[label] = time.monotonic()
