"""A sudden change of interest within the session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.dynamics import Event, Part
from recloop.envs.users import Population, Users


@dataclass(frozen=True)
class InterestShift(Part):
    """In the middle of the session the user wants something else altogether.

        taste' = profile' = second taste,     after the recommendation with the number `shift`

    The second taste is what another member's history says, picked at arrival; `shift` is uniform over `earliest_step`
    to `latest_step`. Nobody sees either: the platform has to notice by the answers. The abrupt case
    of the non-stationary environments of Jagerman et al. (2019).

    Args:
        earliest_step: first recommendation after which it may happen, counted from 1.
        latest_step: last one.
    """

    earliest_step: int = 10
    latest_step: int = 30

    def __post_init__(self) -> None:
        """Steps are counted from 1, in order."""
        if not 1 <= self.earliest_step <= self.latest_step:
            raise ValueError(
                f"earliest_step is {self.earliest_step} and latest_step {self.latest_step}; "
                "give steps from 1, the earliest first"
            )

    def columns(self, world: Catalog) -> int:
        """The second taste, and the step of the shift."""
        return world.dim + 1

    def luck(self, world: Catalog) -> int:
        """Whose taste it will be, and when."""
        return 2

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        """Pick the second taste and the step."""
        even = ndtr(noise.astype(np.float64))  # [n, 2] uniform in [0, 1]
        member = _of(len(population.members), even[:, 0])  # [n]
        second = population.tastes[population.members[member]]  # [n, dim]
        step = self.earliest_step + _of(self.latest_step - self.earliest_step + 1, even[:, 1])  # [n]
        return np.column_stack([second, step]).astype(np.float32)

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        """Put the second taste in place where it is time."""
        rows = (own[:, -1] == users.clock + 1).nonzero()[0]
        if not len(rows):
            return users
        taste, profile = users.taste.copy(), users.profile.copy()
        taste[rows] = profile[rows] = own[rows, :-1]
        return users._replace(taste=taste, profile=profile)


def _of(count: int, even: NDArray[np.float64]) -> Ints:
    """Whole numbers from 0 to count - 1, as uniform as `even` [n] in [0, 1]."""
    return np.minimum((count * even).astype(np.int64), count - 1)
