"""Ads that tire."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.fading import kept_each_step
from recloop.envs.users import Users


@dataclass(frozen=True)
class AdFatigue(Part):
    """Every ad makes the next one less welcome, and some leave because of it.

        fatigue'  = kept * fatigue + number of ads shown,     kept = 0.5 ** (1 / half_life_steps)
        cost      = weight * fatigue                           for ads; nothing for other items
        patience' = patience - patience_loss * number of ads shown

    Ads are the items that have a price. An advertising load today that is paid for later, after Hohnhold et al.
    (2015), who measured how users learn to overlook ads.

    Args:
        weight: taken from the appeal of an ad by a fatigue of 1, in units of cosine.
        half_life_steps: steps after which half of the fatigue is gone.
        patience_loss: patience taken by an ad, clicked or not.
    """

    weight: float = 0.1
    half_life_steps: float = 5.0
    patience_loss: float = 0.05

    def __post_init__(self) -> None:
        """Half-lives are positive."""
        kept_each_step(self.half_life_steps)

    @cached_property
    def kept(self) -> float:
        """Share of the fatigue that is left after one step."""
        return kept_each_step(self.half_life_steps)

    def columns(self, world: Catalog) -> int:
        """The fatigue."""
        if world.prices is None:
            raise ValueError("no item of the catalog is an ad; give items prices, or leave ad_fatigue out")
        return 1

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """`weight` times the fatigue for ads, [n]."""
        cost: Floats = np.float32(self.weight) * own[:, 0] * _are_ads(items, world)
        return cost

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """Lose patience over ads."""
        ads = _are_ads(event.items, world).sum(axis=1)  # [n]
        return users._replace(patience=users.patience - np.float32(self.patience_loss) * ads)

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """Add the ads, forget some of those before."""
        after: Floats = np.float32(self.kept) * own + _are_ads(event.items, world).sum(axis=1, keepdims=True)
        return after


def _are_ads(items: Ints, world: Catalog) -> Floats:
    """1 where an item has a price, else 0; of the shape of `items`."""
    assert world.prices is not None  # `columns` has seen to it
    return (world.prices.take(items) > 0).astype(np.float32)
