"""The influence of those whom a user trusts."""

from dataclasses import dataclass

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.users import Population, Users


@dataclass(frozen=True)
class Trust(Part):
    """What trusted people like appeals, and over time becomes one's own taste.

        cost   = -weight * <trusted, e>
        taste' = unit(taste + rate * trusted)

    `trusted` is the mean taste of those whom the user trusts, zeros where nobody is: homophily and influence on a
    social graph as in SocialMF (Jamali and Ester, 2010), where the taste of a user is pulled to the mean of those
    trusted.

    Args:
        weight: of what the trusted like, beside one's own taste of weight 1.
        rate: step of the taste towards theirs, every step.
    """

    weight: float = 0.3
    rate: float = 0.01

    def columns(self, world: Catalog) -> int:
        """The mean taste of the trusted."""
        return world.dim

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        """Look up whom they trust."""
        if population.trusted is None:
            raise ValueError("nobody knows whom the users trust; take a data set that has trust, or leave trust out")
        return population.trusted[users.who].astype(np.float32, copy=False)

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """Less than 0 for what the trusted like, [n]."""
        liked = kernels.dots(np.ascontiguousarray(own), world.vectors, items)  # [n]
        cost: Floats = np.float32(-self.weight) * liked
        return cost

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """Move the taste towards theirs."""
        trusted = np.ascontiguousarray(own)  # or compiled code would add up a lone user in another order
        return users._replace(taste=kernels.drift(users.taste, trusted, event.clicked, 0.0, self.rate))
