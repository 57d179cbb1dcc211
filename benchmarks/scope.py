"""How much a benchmark does."""

from dataclasses import dataclass
from functools import cached_property

from recloop.envs.task import Task


@dataclass(frozen=True)
class Scope:
    """What every part of the benchmark is told.

    Args:
        quick: a twentieth of the steps, once: whether it runs at all.
    """

    quick: bool = False

    @property
    def repeats(self) -> int:
        """How often each thing is timed; the median counts."""
        return 1 if self.quick else 5

    @property
    def scale(self) -> float:
        """Of the number of steps that are timed at once."""
        return 0.05 if self.quick else 1.0

    @cached_property
    def task(self) -> Task:
        """As many items as MovieLens-100K has, of 64 dimensions; boredom, drift and patience; pooled states."""
        return Task.synthetic(num_items=1682, dim=64)
