"""Items that pay to be shown."""

from dataclasses import dataclass

import numpy as np

from recloop.envs.catalog import Bools, Floats

_LEAST = 0.2


@dataclass(frozen=True)
class AdSlot:
    """A random part of the catalog are ads, and the last position of every slate is theirs alone.

    A click on an ad pays its price, uniform in [0.2, 1); see the reward's `revenue` and the dynamics' `AdFatigue`.

    Args:
        share: of the catalog that are ads.
        seed: of which items they are, and of their prices.
    """

    share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Some items are ads, and some are not."""
        if not 0 < self.share < 1:
            raise ValueError(f"share is {self.share}; give the part of the catalog that are ads, between 0 and 1")

    def prices(self, num_items: int) -> Floats:
        """What a click earns, 0 where an item is no ad, [num_items]."""
        rng = np.random.default_rng(self.seed)
        ads = rng.permutation(num_items)[: max(1, round(self.share * num_items))]
        prices = np.zeros(num_items, np.float32)
        prices[ads] = rng.uniform(_LEAST, 1, len(ads))
        return prices

    def slots(self, prices: Floats, slate: int) -> Bools:
        """Which items may stand at each position, [slate, num_items]."""
        if slate < 2:
            raise ValueError(f"the slate is {slate}; an ad slot takes one of 2 items or more")
        return np.stack([prices == 0] * (slate - 1) + [prices > 0])
