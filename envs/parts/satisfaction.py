"""Satisfaction that comes late: what is pleasant now may not be what pleases in the long run."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.fading import kept_each_step
from recloop.envs.users import Users


@dataclass(frozen=True)
class Satisfaction(Part):
    """Chocolate is clicked and regretted, kale is not clicked as readily and does good.

        npe'         = kept * npe + sum over clicks of (2 * kale[item] - 1),     kept = 0.5 ** (1 / half_life_steps)
        satisfaction = sigmoid(sensitivity * npe)                                1/2 at arrival
        cost         = weight * (1 - 2 * satisfaction) - pull * (1 - kale[item])

    npe is the net positive exposure of the long-term-satisfaction environment of RecSim (Ie et al., 2019), without
    its noise. There, satisfaction multiplies the engagement; here, where what an item gives is a probability, it
    moves the appeal of all items. kale[item] in [0, 1] is the rank of the item's quality in the catalog, equals
    sharing theirs: what those who took it did not like is chocolate to those who have not taken it yet. This is our
    reading: no data set says how wholesome an item is.

    Args:
        weight: taken from the appeal of everything by a satisfaction of 0, and added by one of 1, in units of cosine.
        pull: added to the appeal of pure chocolate.
        sensitivity: of the satisfaction to the net positive exposure.
        half_life_steps: steps after which half of the exposure is forgotten.
    """

    weight: float = 0.3
    pull: float = 0.1
    sensitivity: float = 1.0
    half_life_steps: float = 5.0

    def __post_init__(self) -> None:
        """Half-lives are positive."""
        kept_each_step(self.half_life_steps)

    @cached_property
    def kept(self) -> float:
        """Share of the exposure that is left after one step."""
        return kept_each_step(self.half_life_steps)

    def columns(self, world: Catalog) -> int:
        """The net positive exposure."""
        return 1

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """What dissatisfaction takes less what chocolate adds, [n]; `1 - 2 * sigmoid(x)` is `-tanh(x / 2)`."""
        satisfied = np.tanh(np.float32(self.sensitivity / 2) * own[:, 0])  # [n] in (-1, 1)
        chocolate = 1 - kale(world).take(items)  # [n]
        cost: Floats = np.float32(-self.weight) * satisfied - np.float32(self.pull) * chocolate
        return cost

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """Take in what was clicked."""
        good = (event.clicks * (2 * kale(world).take(event.items) - 1)).sum(axis=1, keepdims=True)  # [n, 1]
        after: Floats = np.float32(self.kept) * own + good
        return after


@lru_cache(maxsize=8)
def kale(world: Catalog) -> Floats:
    """Rank of the quality of each item, 0 the worst, 1 the best, 1/2 for all in a catalog of equals, [num_items]."""
    ascending = np.sort(world.quality)
    worse = np.searchsorted(ascending, world.quality, side="left")  # [num_items]
    no_better = np.searchsorted(ascending, world.quality, side="right")
    return ((worse + no_better - 1) / max(2 * (world.num_items - 1), 1)).astype(np.float32)
