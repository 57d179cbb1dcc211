"""What one has had already."""

from dataclasses import dataclass

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.parts import arithmetic
from recloop.envs.users import Users

_MOST_ITEMS = 2**24  # whole numbers up to here are exact in float32


@dataclass(frozen=True)
class Repeats(Part):
    """What was clicked once is not clicked again in the same session: a film has been seen.

        cost = weight * (whether the item was clicked among the last memory_items that were shown)

    Leave the part out where repeats are welcome, as with songs and groceries (Anderson et al., 2014, on what is
    consumed again). In an expected step the item counts with the probability that it was clicked.

    Args:
        memory_items: impressions that are remembered; steps times slate for a whole session.
        weight: taken from the appeal, in units of cosine; 2 is the whole range of a cosine.
    """

    memory_items: int = 40
    weight: float = 2.0

    def __post_init__(self) -> None:
        """There is something to remember."""
        if self.memory_items < 1:
            raise ValueError(f"memory_items is {self.memory_items}; give at least 1")

    def columns(self, world: Catalog) -> int:
        """Numbers of the items last shown, plus 1, then whether each was clicked."""
        if world.num_items >= _MOST_ITEMS:
            raise ValueError(f"{world.num_items} items are too many to remember one by one; leave repeats out")
        return 2 * self.memory_items

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """`weight` where the item was clicked before, [n]."""
        cost: Floats = np.float32(self.weight) * arithmetic.clicked_before(own, items)
        return cost

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """Append what was shown, forget the oldest."""
        after: Floats = arithmetic.appended(own, event.items, event.clicks)
        return after
