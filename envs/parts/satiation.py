"""Satiation that rebounds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.fading import kept_each_step
from recloop.envs.parts import arithmetic
from recloop.envs.users import Users


@dataclass(frozen=True)
class Satiation(Part):
    """What is consumed often gives less, and recovers while it is left alone.

        cost  = weight * satiation[group of the item]
        satiation'[g] = kept * (satiation[g] + share of the slate of group g),   kept = 0.5 ** (1 / half_life_steps)

    A delayed cost for the whole group, linear in the satiation, geometric in time: the rebounding bandits of Leqi et
    al. (2021), with one rate for all groups. An impression counts, clicked or not, as a pull of an arm does there.

    Args:
        weight: taken from the appeal by a satiation of 1, in units of cosine.
        half_life_steps: steps after which half of the satiation is gone.
    """

    weight: float = 0.1
    half_life_steps: float = 5.0

    def __post_init__(self) -> None:
        """Half-lives are positive."""
        kept_each_step(self.half_life_steps)

    @cached_property
    def kept(self) -> float:
        """Share of the satiation that is left after one step."""
        return kept_each_step(self.half_life_steps)

    def columns(self, world: Catalog) -> int:
        """The satiation of each group."""
        return world.num_groups

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """`weight` times the satiation, [n]."""
        cost: Floats = np.float32(self.weight) * arithmetic.of_group(own, world.group_numbers, items)
        return cost

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """Add what was shown, and recover."""
        after: Floats = arithmetic.satiated(own, world.group_numbers, event.items, self.kept)
        return after
