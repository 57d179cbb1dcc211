"""Signals that ask a run to end: Ctrl-C, SIGTERM and SIGUSR1. It keeps where it is, says so, and exits with 128 + n."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

GRACE_SECONDS = 3.5
"""How long training may go on to the end of a rollout, where its state can be kept; then the last state kept counts."""


class Stopped(KeyboardInterrupt):
    """Signal `number` has come; `said` is what the user should know."""

    def __init__(self, number: int, said: str = "") -> None:
        super().__init__(number, said)  # all arguments, so that it passes between processes
        self.number, self.said = number, said

    def __str__(self) -> str:
        return self.said


class PutOff:
    """Whether a signal has come that waits for the end of a rollout."""

    def __init__(self) -> None:
        self.received = 0

    def raise_received(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self.received:
            raise Stopped(self.received)


_put_off: PutOff | None = None


@contextmanager
def heard() -> Iterator[None]:
    """Let the signals raise `Stopped` within the block. Handlers that somebody else has set, a scheduler, are left."""
    untouched = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = [number for number, handler in before.items() if handler in untouched]
    for number in mine:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])


@contextmanager
def put_off() -> Iterator[PutOff]:
    """Within the block a first signal waits, at most `GRACE_SECONDS`; a second one does not."""
    global _put_off
    alarm: Any = signal.signal(signal.SIGALRM, _on_alarm)
    _put_off = PutOff()
    try:
        yield _put_off
    finally:
        _put_off = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)


def on_signal(number: int, frame: FrameType | None) -> None:
    """The handler: raises `Stopped`, or puts it off."""
    if _put_off is None or _put_off.received:
        raise Stopped(number)
    _put_off.received = number
    signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)


def _on_alarm(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(_put_off.received if _put_off else signal.SIGINT)
