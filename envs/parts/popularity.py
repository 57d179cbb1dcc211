"""What everybody takes is taken more readily."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Part
from recloop.envs.users import Users


@dataclass(frozen=True)
class PopularityPull(Part):
    """An item that is known to be popular appeals more than its content says.

        cost = -weight * z[item],     z = log(popularity), less its mean and divided by its deviation over the catalog

    An item that was never logged counts as the rarest that was. The bias by popularity that logged clicks carry
    (Abdollahpouri et al., 2017) and that what others chose causes (Salganik et al., 2006). It does not change over
    the session.

    Args:
        weight: added to the appeal of an item one standard deviation above the mean, in units of cosine.
    """

    weight: float = 0.05

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """Less than 0 for what is popular, [n]."""
        cost: Floats = np.float32(-self.weight) * standardised(world).take(items)
        return cost


@lru_cache(maxsize=8)
def standardised(world: Catalog) -> Floats:
    """The z of `PopularityPull`, [num_items]; zeros where all items are equally popular."""
    logged = world.popularity[world.popularity > 0]
    rarest = logged.min() if len(logged) else 1.0
    surprise = np.log(np.maximum(world.popularity, rarest).astype(np.float64))  # [num_items]
    ordered = np.sort(surprise)  # sums in one order, however the catalog is ordered
    deviation = ordered.std()
    if deviation < 1e-9:
        return np.zeros(world.num_items, np.float32)
    scores: Floats = ((surprise - ordered.mean()) / deviation).astype(np.float32)
    return scores
