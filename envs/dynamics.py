"""How a recommendation changes the user: parts that compose.

Each part may lower an item's appeal now (`cost`) and returns the users as the recommendation leaves them (`advance`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from recloop.envs import kernels
from recloop.envs.catalog import Floats
from recloop.envs.users import Users


class Dynamics(Protocol):
    """One part of what recommendations do to people."""

    def cost(self, users: Users, shown: Floats) -> Floats | None:
        """What it takes from the appeal of the items `shown` [n, dim], in units of cosine, [n]; None for nothing."""

    def advance(self, users: Users, shown: Floats, click: Floats) -> Users:
        """The users after they were shown `shown` [n, dim] and answered `click` [n]."""


@dataclass(frozen=True)
class Boredom:
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
        if not self.half_life_steps > 0:
            raise ValueError(f"half_life_steps is {self.half_life_steps}; it is a time, above 0")

    @cached_property
    def decay(self) -> float:
        """Share of the exposure that is left after one step."""
        return float(0.5 ** (1 / self.half_life_steps))

    def cost(self, users: Users, shown: Floats) -> Floats:
        """`weight` times the boredom, [n]."""
        cost: Floats = kernels.boredom(users.exposure, shown, self.weight)
        return cost

    def advance(self, users: Users, shown: Floats, click: Floats) -> Users:
        """Remember what was shown, clicked or not."""
        exposure = kernels.fade_and_add(users.exposure, shown, self.decay, self.gain)
        return Users(users.who, users.taste, users.profile, exposure, users.patience, users.clock)


@dataclass(frozen=True)
class Drift:
    """Taste moves towards what was enjoyed and returns to the long-term profile.

        taste' = unit(taste + rate * click * e + return_rate * profile)

    Args:
        rate: step towards an item that was clicked.
        return_rate: pull back to the profile, every step.
    """

    rate: float = 0.03
    return_rate: float = 0.02

    def cost(self, users: Users, shown: Floats) -> None:
        """Drift costs nothing now."""

    def advance(self, users: Users, shown: Floats, click: Floats) -> Users:
        """Move the taste."""
        taste = kernels.drift(users.taste, users.profile, shown, click, self.rate, self.return_rate)
        return Users(users.who, taste, users.profile, users.exposure, users.patience, users.clock)
