"""How a recommendation changes the user: parts that compose.

Each part may lower an item's appeal now (`cost`), changes the users (`advance`), and may remember something of its own
about them (`columns`, `begin`, `remember`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.fading import kept_each_step
from recloop.envs.users import Population, Users


class Event(NamedTuple):
    """What was shown to n users at once, a slate of items to each, and how they answered."""

    items: Ints  # [n, slate]
    clicks: Floats  # [n, slate] 1 clicked, 0 not; probabilities where planners expect
    shown: Floats  # [n, dim] the item's vector, or the mean of the slate's, weighted by attention
    clicked: Floats  # [n, dim] sum of click * vector


class Part:
    """One part of what recommendations do to people. A subclass overrides what it changes.

    What a part remembers of each user are `columns` values in `Users.own`; it is handed its own, [n, columns].
    """

    visible: ClassVar[bool] = False
    """Whether the platform sees the part's columns, such as the time of day: the `context` block of an observation."""

    def columns(self, world: Catalog) -> int:
        """How many values it remembers of each user."""
        return 0

    def luck(self, world: Catalog) -> int:
        """How many standard normal values it needs of each user who comes."""
        return 0

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        """What it remembers of users who come, [n, columns]; `noise` is [n, luck]."""
        return np.zeros((len(users.who), self.columns(world)), np.float32)

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats | None:
        """What it takes from the appeal of `items` [n], one a user, in units of cosine, [n]; None for nothing."""
        return None

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """The users after the event; what a part remembers is left to `remember`."""
        return users

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        """What it remembers after the event, [n, columns]; `users` are those before it. Never writes to `own`."""
        return own


@dataclass(frozen=True)
class Boredom(Part):
    """More of the same is liked less, and the memory of it fades.

        boredom   = max(0, <exposure, e>)
        exposure' = decay * exposure + (1 - decay) * gain * e,    decay = 0.5 ** (1 / half_life_steps)

    A delayed cost: what is shown now is paid for later. This is what makes the environment need planning.
    After SARDINE (Deffayet et al., 2023) and the satiation models of Leqi et al. (2021).

    Args:
        weight: how much of the boredom is taken from the appeal.
        half_life_steps: steps after which half of an impression is forgotten.
        gain: strength of an impression.
    """

    weight: float = 0.4
    half_life_steps: float = 5.0
    gain: float = 3.0

    def __post_init__(self) -> None:
        """Half-lives are positive."""
        kept_each_step(self.half_life_steps)

    @cached_property
    def decay(self) -> float:
        """Share of the exposure that is left after one step."""
        return kept_each_step(self.half_life_steps)

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        """`weight` times the boredom, [n]."""
        cost: Floats = kernels.boredom(users.exposure, world.vectors, items, self.weight)
        return cost

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """Remember what was shown, clicked or not."""
        return users._replace(exposure=kernels.fade_and_add(users.exposure, event.shown, self.decay, self.gain))


@dataclass(frozen=True)
class Drift(Part):
    """Taste moves towards what was enjoyed and returns to the long-term profile.

        taste' = unit(taste + rate * click * e + return_rate * profile)

    Args:
        rate: step towards an item that was clicked.
        return_rate: pull back to the profile, every step.
    """

    rate: float = 0.03
    return_rate: float = 0.02

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """Move the taste."""
        taste = kernels.drift(users.taste, users.profile, event.clicked, self.rate, self.return_rate)
        return users._replace(taste=taste)
