"""A bar for whoever waits at a terminal; nothing for those who do not."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FEW_TEXTS = 256  # a few seconds with a small model: no bar

_silent = ContextVar("silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """No bar within the block: whoever is around it shows how far it is."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


@contextmanager
def reading(num_texts: int) -> Iterator[Callable[[int], None]]:
    """Show texts read and time left on stderr; gives the function to call with the number of texts just read."""
    if num_texts <= FEW_TEXTS or _silent.get() or not sys.stderr.isatty():
        yield lambda num_read: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading texts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=num_texts)
        yield lambda num_read: progress.advance(task, num_read)
