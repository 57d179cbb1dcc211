"""The recommendation process itself: pure, batched, without Gymnasium."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.choice import Click
from recloop.envs.dynamics import Boredom, Drift, Dynamics
from recloop.envs.sessions import Patience, next_step
from recloop.envs.users import Population, Users


class Response(NamedTuple):
    """How a batch of users answered one recommendation each."""

    click: Floats  # [n] 1 clicked, 0 not
    enjoyment: Floats  # [n] probability of the click, in (0, 1)
    affinity: Floats  # [n] <taste, e>, before the recommendation changed anything
    cost: Floats  # [n] what the dynamics took from the appeal: boredom


@dataclass(frozen=True, eq=False)
class Simulator:
    """Everything that happens between a recommendation and the next one.

        affinity  = <taste, e>
        enjoyment = choice(affinity - costs of the dynamics, quality[item])
        click     = noise < enjoyment
        users'    = sessions(dynamics(users, e, click), click)

    Args:
        world: the items as people feel them.
        population: who may come.
        choice: from appeal to enjoyment and click.
        dynamics: what recommendations do to people, applied in order.
        sessions: when they leave.

    Raises:
        ValueError: when tastes and items are of different spaces.
    """

    world: Catalog
    population: Population
    choice: Click
    dynamics: tuple[Dynamics, ...]
    sessions: Patience

    def __post_init__(self) -> None:
        """Tastes and items live in one space."""
        if self.population.tastes.shape[1] != self.world.dim:
            raise ValueError(
                f"tastes have {self.population.tastes.shape[1]} dimensions, the world's items {self.world.dim}; "
                "fit the population on the world's vectors"
            )

    def serving(self, population: Population) -> "Simulator":
        """The same world with other people."""
        return replace(self, population=population)

    def respond(self, users: Users, items: Ints, noise: Floats) -> Response:
        """What users feel and do when shown `items` [n]; `noise` [n] is uniform in [0, 1)."""
        self._refuse_unfit(users, items, noise)
        return self._respond(users, items, self.world.vectors.take(items, axis=0), noise)

    def step(self, users: Users, items: Ints, noise: Floats) -> tuple[Users, Response]:
        """Show each user one item, [n]; the same noise gives two policies the same luck."""
        self._refuse_unfit(users, items, noise)
        return self._step(users, items, noise, expected=False)

    def expected_step(self, users: Users, items: Ints) -> tuple[Users, Response]:
        """The step in which every click is replaced by its probability (certainty equivalence), for planners."""
        noise = np.zeros(len(items), np.float32)
        self._refuse_unfit(users, items, noise)
        return self._step(users, items, noise, expected=True)

    def _step(self, users: Users, items: Ints, noise: Floats, *, expected: bool) -> tuple[Users, Response]:
        if self._rates is not None:
            state = users.taste, users.profile, users.exposure, users.patience
            answers, taste, exposure, patience = kernels.step(
                *state, self.world.vectors, self.world.quality, items, noise, *self._rates, expected
            )
            response = Response(answers[0], answers[1], answers[2], answers[3])
            return Users(users.who, taste, users.profile, exposure, patience, next_step(users.clock)), response
        shown = self.world.vectors.take(items, axis=0)  # [n, dim]
        response = self._respond(users, items, shown, noise)
        if expected:
            response = response._replace(click=response.enjoyment)
        for part in self.dynamics:
            users = part.advance(users, shown, response.click)
        return self.sessions.advance(users, response.click), response

    @cached_property
    def _rates(self) -> tuple[float, ...] | None:
        """All numbers of the default world, which is compiled as a whole; None if this one is made of other parts."""
        match self.choice, self.dynamics, self.sessions:
            case Click() as choice, (Boredom() as boredom, Drift() as drift), Patience() as sessions if _are_exactly(
                (choice, boredom, drift, sessions), (Click, Boredom, Drift, Patience)
            ):
                felt = boredom.weight, boredom.decay, boredom.gain, drift.rate, drift.return_rate
                return choice.scale, choice.offset, *felt, sessions.gain, sessions.loss
        return None

    def _refuse_unfit(self, users: Users, items: Ints, noise: Floats) -> None:
        """Compiled code would read past the end of what is too short."""
        if not users.who.shape == items.shape == noise.shape:
            raise ValueError(
                f"{items.size} items and {noise.size} values of noise for {len(users.who)} users; one each"
            )

    def _respond(self, users: Users, items: Ints, shown: Floats, noise: Floats) -> Response:
        affinity = kernels.row_dot(users.taste, shown)  # [n]
        costs = [cost for part in self.dynamics if (cost := part.cost(users, shown)) is not None]
        cost = sum(costs, np.zeros(len(items), np.float32))  # [n]
        enjoyment, click = self.choice.answer(affinity, cost, self.world.quality.take(items), noise)
        return Response(click, enjoyment, affinity, cost)


def _are_exactly(parts: tuple[object, ...], types: tuple[type, ...]) -> bool:
    """No subclass, which may do something else."""
    return tuple(map(type, parts)) == types
