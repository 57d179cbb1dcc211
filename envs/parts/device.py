"""The device, which the platform sees."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.dynamics import Event, Part
from recloop.envs.users import Population, Users


@dataclass(frozen=True)
class Device(Part):
    """On a phone people leave sooner.

        phone     ~ Bernoulli(phone_share)                               at arrival, for the whole session
        patience' = patience - patience_loss * phone * (1 - click)       beside what the session's own rule takes

    The device as context (Adomavicius and Tuzhilin, 2011); that mobile sessions are the shorter ones is a common
    finding, the size of the effect here is made up. In a slate, any click counts. The platform sees the device: its
    column is 1 on a phone, else 0.

    Args:
        phone_share: share of the sessions that are on a phone.
        patience_loss: patience lost on a phone by a step without a click.
    """

    visible = True

    phone_share: float = 0.5
    patience_loss: float = 0.05

    def __post_init__(self) -> None:
        """A share is within 0 and 1, without the ends: nothing would vary."""
        if not 0 < self.phone_share < 1:
            raise ValueError(f"phone_share is {self.phone_share}; give a share between 0 and 1")

    def columns(self, world: Catalog) -> int:
        """1 on a phone."""
        return 1

    def luck(self, world: Catalog) -> int:
        """Which it is."""
        return 1

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        """Phone or not."""
        return (noise < NormalDist().inv_cdf(self.phone_share)).astype(np.float32)

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """Lose patience sooner on a phone."""
        missed = 1 - np.minimum(event.clicks.sum(axis=1), 1)  # [n]
        patience = users.patience - np.float32(self.patience_loss) * own[:, 0] * missed
        return users._replace(patience=patience)
