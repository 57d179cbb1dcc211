"""Progress as a person reads it, on standard error: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from recloop.experiments.progress import Reporter

_LINE_SECONDS = 10.0


@contextmanager
def display(runs: int = 1, console: Console | None = None, unit: str = "steps") -> Iterator[Reporter]:
    """A reporter for the block. With several `runs` (labels), how many of them have ended stands above.

    `unit` is what is counted.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(runs, console, unit)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), _Done(unit), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=console, speed_estimate_period=120) as bars:
        yield _Bars(bars, runs)


class _Bars:
    def __init__(self, bars: Progress, runs: int) -> None:
        self._bars = bars
        self._runs = runs
        self._ended = 0
        self._tasks: dict[str, TaskID] = {}
        self._overall = bars.add_task("all", total=runs, note="", done="") if runs > 1 else None
        self._show_overall()

    def started(self, label: str, total: int) -> None:
        self._tasks[label] = self._bars.add_task(label, total=total, note="", done=None)

    def advanced(self, label: str, steps: int, note: str) -> None:
        if note:
            self._bars.update(self._tasks[label], note=note)
        self._bars.advance(self._tasks[label], steps)
        self._show_overall()

    def finished(self, label: str) -> None:
        task = self._tasks.pop(label)
        self._ended += 1
        if self._overall is None:
            self._bars.stop_task(task)
        else:
            self._bars.remove_task(task)
        self._show_overall()

    def _show_overall(self) -> None:
        """Runs under way count with the part that is done: the time left is known before the first has ended."""
        if self._overall is not None:
            running = self._tasks.values()
            under_way = sum(task.percentage / 100 for task in self._bars.tasks if task.id in running)
            done = f"{self._ended} of {self._runs} runs"
            self._bars.update(self._overall, completed=self._ended + under_way, done=done)


class _Done(ProgressColumn):
    """`120,000 of 300,000 steps, 4,100/s`, or what the task itself says."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        if task.fields["done"] is not None:
            return Text(task.fields["done"])
        speed = task.finished_speed or task.speed or 0
        return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f} {self._unit}, {speed:,.0f}/s")


class _Lines:
    def __init__(self, runs: int, console: Console, unit: str) -> None:
        self._runs = runs
        self._unit = unit
        self._ended = 0
        self._console = console
        self._tasks: dict[str, _Piece] = {}

    def started(self, label: str, total: int) -> None:
        self._tasks[label] = _Piece(label, total, self._unit)

    def advanced(self, label: str, steps: int, note: str) -> None:
        task = self._tasks[label]
        task.advance(steps, note)
        if time.monotonic() - task.said_at >= _LINE_SECONDS:
            task.said_at = time.monotonic()
            self._say(str(task))

    def finished(self, label: str) -> None:
        self._ended += 1
        self._say(str(self._tasks.pop(label)))

    def _say(self, line: str) -> None:
        overall = f"[{self._ended} of {self._runs} runs] " if self._runs > 1 else ""
        self._console.print(overall + line, markup=False, highlight=False, soft_wrap=True)


class _Piece:
    """What a line says: `ppo: 120,000 of 300,000 steps, 4,100/s, 44 s left, clicks 12.3`."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._done, self._note = 0, ""
        self._began = self.said_at = time.monotonic()

    def advance(self, steps: int, note: str) -> None:
        self._done += steps
        self._note = note or self._note

    def __str__(self) -> str:
        speed = self._done / max(time.monotonic() - self._began, 1e-9)
        words = [f"{self._label}: {self._done:,} of {self._total:,} {self._unit}", f"{speed:,.0f}/s"]
        if 0 < self._done < self._total:
            words.append(f"{(self._total - self._done) / speed:,.0f} s left")
        return ", ".join([*words, self._note] if self._note else words)
