"""People who are about to come, drawn many at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from recloop.envs.task import Session, Task

_LEAST = 64


class Arrivals:
    """New sessions for one environment; drawing 64 people takes little longer than drawing one.

    Args:
        task: whom to draw, and what the platform knows of them.
        num_envs: the most that come at once.
    """

    def __init__(self, task: Task, num_envs: int) -> None:
        self._task, self._size = task, max(_LEAST, num_envs)
        self._waiting: Session
        self._next = self._size

    def start_over(self) -> None:
        """Send away who is waiting: the generator has a new seed."""
        self._next = self._size

    def come(self, n: int, rng: np.random.Generator) -> Session:
        """The next `n`, at most `num_envs`; `rng` draws others when fewer are waiting."""
        if self._next + n > self._size:
            self._waiting = self._task.arrive(self._task.simulator.draw(self._size, rng))
            self._next = 0
        rows = slice(self._next, self._next + n)
        self._next += n
        return self._waiting.rows(rows)

    def get_state(self) -> dict[str, Any]:
        """Who is waiting, as plain arrays."""
        return {"next": self._next, "waiting": self._waiting.get_state() if self._next < self._size else None}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._next = state["next"]
        if state["waiting"] is not None:
            self._waiting = self._task.restored(state["waiting"])
