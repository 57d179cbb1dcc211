"""Boredom that shuts a topic out for some time."""

from dataclasses import dataclass

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.parts import arithmetic
from recloop.envs.users import Users


@dataclass(frozen=True)
class TimeOut(Part):
    """Who has had enough of a topic does not want it for some time, however well liked it is.

        clicks[g] = clicks on items of group g in the last memory_steps steps
        left'[g]  = timeout_steps           where clicks[g] >= threshold, and the clicks are forgotten
                    max(0, left[g] - 1)     elsewhere
        cost      = weight                  where left[group of the item] > 0

    A delayed cost with a cliff: nothing is felt of it until it is there. The boredom of SARDINE (Deffayet et al.,
    2023), whose topics are blocks of the vectors; here they are the groups of the catalog.

    Args:
        threshold: clicks on one group that are too many.
        memory_steps: steps in which they are counted.
        timeout_steps: steps for which the group is shut out, beginning with the next one.
        weight: taken from the appeal, in units of cosine; 2 is the whole range of a cosine.
    """

    threshold: int = 4
    memory_steps: int = 10
    timeout_steps: int = 5
    weight: float = 2.0

    def __post_init__(self) -> None:
        """Times and counts are at least 1."""
        for name in ("threshold", "memory_steps", "timeout_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")

    def columns(self, world: Catalog) -> int:
        """Steps left of the time-out of each group, and clicks on each group in each of the last steps."""
        return world.num_groups * (1 + self.memory_steps)

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """`weight` where the group of the item is shut out, [n]."""
        left = arithmetic.of_group(own, world.group_numbers, items)  # [n]
        cost: Floats = np.float32(self.weight) * (left > 0)
        return cost

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """Count the clicks of this step in place of those that are too old; begin and end time-outs."""
        settings = world.num_groups, self.threshold, self.memory_steps, self.timeout_steps
        after: Floats = arithmetic.timed_out(
            own, users.clock, world.group_numbers, event.items, event.clicks, *settings
        )
        return after
