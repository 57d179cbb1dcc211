"""The time of day, which the platform sees."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints, unit
from recloop.envs.dynamics import Event, Part
from recloop.envs.users import Population, Users

DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class DailyRhythm(Part):
    """Every kind of item has its time of day.

        cost = -weight * cos(time - phase[group of the item])
        time' = time + 2 * pi * step_minutes / (24 * 60)

    A session begins at any time of day. The phases of the groups, in alphabetical order, are spread evenly over the
    day: this is made up, no data set says what is watched when. Context as in context-aware recommendation
    (Adomavicius and Tuzhilin, 2011).

    The platform sees the time: its columns are `cos(time)` and `sin(time)`.

    Args:
        weight: added to the appeal at the best time of day and taken twelve hours later, in units of cosine.
        step_minutes: from one recommendation to the next.
    """

    visible = True

    weight: float = 0.1
    step_minutes: float = 3.0

    def columns(self, world: Catalog) -> int:
        """Cosine and sine of the time of day."""
        return 2

    def luck(self, world: Catalog) -> int:
        """The direction of two normal values is any direction."""
        return 2

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        """Any time of day."""
        return unit(noise)

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """Less than 0 where the group has its time, [n]."""
        best = _phases(world.num_groups)[world.group_numbers.take(items)]  # [n, 2]
        cost: Floats = np.float32(-self.weight) * (own[:, 0] * best[:, 0] + own[:, 1] * best[:, 1])
        return cost

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """`step_minutes` later: a turn of the direction."""
        angle = 2 * np.pi * self.step_minutes / DAY_MINUTES
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
        after: Floats = own[:, :1] * turn[0] + own[:, 1:] * turn[1]  # [n, 2]
        return after


@lru_cache(maxsize=8)
def _phases(num_groups: int) -> Floats:
    """Direction of the best time of each group, [num_groups, 2]."""
    angle = 2 * np.pi * np.arange(num_groups) / num_groups
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
