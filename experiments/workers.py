"""Processes that work for this one, and stop cleanly on Ctrl-C."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from threading import Thread
from types import FrameType
from typing import ParamSpec, TypeVar

from recloop.experiments.signals import SIGNALS, on_signal

P = ParamSpec("P")
T = TypeVar("T")

_CTRL_C = {signal.SIGINT}
_stopping: Event | None = None


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` processes for `call`; submit within `unheard()`.

    When an exception ends the block, KeyboardInterrupt included, what is under way is interrupted and waited for, and
    nothing new begins.
    """
    context = multiprocessing.get_context("spawn")
    stopping = context.Event()
    pool = ProcessPoolExecutor(count, context, initializer=_remember, initargs=(stopping,))
    try:
        yield pool
    except BaseException:
        stopping.set()
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGINT)
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


@contextmanager
def unheard() -> Iterator[None]:
    """Let Ctrl-C wait until the block ends. Processes that begin in the block hear it during `call` only."""
    pressed: list[int] = []  # other threads of this process may still take the signal
    handler = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # first: the restored handler may raise at once
        signal.signal(signal.SIGINT, handler)
    if pressed:
        signal.raise_signal(signal.SIGINT)


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """In a worker: the result of `function`, which Ctrl-C interrupts once; pressing it again disturbs no tidying up.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, now or before.
    """
    if _stopping is not None and _stopping.is_set():
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _CTRL_C)
    try:
        return function(*args, **kwargs)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)


def _remember(stopping: Event) -> None:
    global _stopping
    _stopping = stopping
    for number in SIGNALS:
        if number not in _CTRL_C:
            signal.signal(number, signal.SIG_IGN)  # a scheduler sends them to all; the parent hands them on as Ctrl-C
    Thread(target=_stop_with_the_parent, daemon=True).start()


def _stop_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> None:
    try:
        on_signal(number, frame)
    except KeyboardInterrupt:
        signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
        raise
