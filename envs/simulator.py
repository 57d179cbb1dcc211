"""The recommendation process itself: pure, batched, without Gymnasium."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.choice import Choice, Click
from recloop.envs.dynamics import Boredom, Drift, Event, Part
from recloop.envs.sessions import Patience, next_step
from recloop.envs.users import Population, Users, take_rows


class Response(NamedTuple):
    """How a batch of users answered one recommendation each: of one item [n], or of a slate [n, slate]."""

    click: Floats  # 1 clicked, 0 not
    enjoyment: Floats  # probability of the click, in (0, 1)
    affinity: Floats  # <taste, e>, before the recommendation changed anything
    cost: Floats  # what the dynamics took from the appeal: boredom

    @property
    def clicks(self) -> Floats:
        """Clicks of each user, [n]."""
        return summed(self.click)


def summed(values: Floats) -> Floats:
    """The sum over the slate, [n]; the values themselves where they are of one item."""
    return values if values.ndim == 1 else values.sum(axis=1)


@dataclass(frozen=True, eq=False)
class Simulator:
    """Everything that happens between a recommendation and the next one.

        affinity  = <taste, e>
        enjoyment = choice(affinity - costs of the dynamics, quality[item])
        click     = noise < enjoyment                                       or one or several of a slate
        users'    = sessions(dynamics(users, e, click), click)

    `items` and `noise` are [n] where the choice is of one item, [n, slate] where it is of a slate.

    Args:
        world: the items as people feel them.
        population: who may come.
        choice: from appeal to enjoyment and click.
        dynamics: what recommendations do to people, applied in order.
        sessions: when they leave.

    Raises:
        ValueError: when tastes and items are of different spaces, or a part of the dynamics misses what it needs.
    """

    world: Catalog
    population: Population
    choice: Choice
    dynamics: tuple[Part, ...]
    sessions: Patience

    def __post_init__(self) -> None:
        """Tastes and items live in one space, and the dynamics find in them what they need."""
        if self.population.tastes.shape[1] != self.world.dim:
            raise ValueError(
                f"tastes have {self.population.tastes.shape[1]} dimensions, the world's items {self.world.dim}; "
                "fit the population on the world's vectors"
            )
        self.arrive(self.population.members[:1], np.zeros((1, self.luck), np.float32))

    def serving(self, population: Population) -> "Simulator":
        """The same world with other people."""
        return replace(self, population=population)

    @cached_property
    def _columns(self) -> tuple[slice, ...]:
        """Where each part's values stand in `Users.own`."""
        ends = np.cumsum([part.columns(self.world) for part in self.dynamics], dtype=int).tolist()
        return tuple(map(slice, [0, *ends], ends))

    @property
    def columns(self) -> int:
        """Size of `Users.own`."""
        return self._columns[-1].stop if self._columns else 0

    @property
    def visible(self) -> Ints:
        """The columns of `Users.own` that the platform sees."""
        seen = [
            np.arange(own.start, own.stop)
            for part, own in zip(self.dynamics, self._columns, strict=True)
            if part.visible
        ]
        return np.concatenate([np.arange(0), *seen])

    @cached_property
    def _luck(self) -> list[int]:
        """Ends of the columns of noise at arrival: that of tastes, then that of each part."""
        sizes = [self.world.dim, *(part.luck(self.world) for part in self.dynamics)]
        return [sum(sizes[: end + 1]) for end in range(len(sizes))]

    @property
    def luck(self) -> int:
        """How many standard normal values it takes to let one user come."""
        return self._luck[-1]

    def arrive(self, who: Ints, noise: Floats) -> Users:
        """Users `who` [n] at the start of a session; `noise` [n, luck] is standard normal."""
        users = self.population.arrive(who, noise[:, : self._luck[0]])
        if not self.columns:
            return users
        own = [
            part.begin(users, noise[:, start:end], self.world, self.population)
            for part, start, end in zip(self.dynamics, self._luck[:-1], self._luck[1:], strict=True)
        ]
        return users._replace(own=np.concatenate(own, axis=1, dtype=np.float32))

    def draw(self, n: int, rng: np.random.Generator) -> Users:
        """`n` members of the population at random, each at the start of a session."""
        who = self.population.pick(n, rng)
        return self.arrive(who, rng.standard_normal((n, self.luck), dtype=np.float32))

    def respond(self, users: Users, items: Ints, noise: Floats) -> Response:
        """What users feel and do when shown `items`; `noise` is uniform in [0, 1)."""
        self._refuse_unfit(users, items, noise)
        return self._respond(users, items, noise)

    def step(self, users: Users, items: Ints, noise: Floats) -> tuple[Users, Response]:
        """Show each user an item, or a slate; the same noise gives two policies the same luck."""
        self._refuse_unfit(users, items, noise)
        return self._step(users, items, noise, expected=False)

    def expected_step(self, users: Users, items: Ints) -> tuple[Users, Response]:
        """The step in which every click is replaced by its probability (certainty equivalence), for planners."""
        noise = np.zeros(items.shape, np.float32)
        self._refuse_unfit(users, items, noise)
        return self._step(users, items, noise, expected=True)

    def _step(self, users: Users, items: Ints, noise: Floats, *, expected: bool) -> tuple[Users, Response]:
        if self._rates is not None:
            state = users.taste, users.profile, users.exposure, users.patience
            answers, taste, exposure, patience = kernels.step(
                *state, self.world.vectors, self.world.quality, items, noise, *self._rates, expected
            )
            response = Response(answers[0], answers[1], answers[2], answers[3])
            return Users(
                users.who, taste, users.profile, exposure, patience, next_step(users.clock), users.own
            ), response
        response = self._respond(users, items, noise)
        if expected:
            response = response._replace(click=response.enjoyment)
        pleased = np.minimum(response.clicks, np.float32(1))  # [n]
        return self.sessions.advance(self._advance(users, self._event(items, response)), pleased), response

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
        slate = self.choice.slate
        if slate == 1 and users.who.shape == items.shape == noise.shape:
            return
        n = len(users.who)
        if not items.shape == noise.shape == ((n,) if slate == 1 else (n, slate)):
            raise ValueError(
                f"{items.size} items and {noise.size} values of noise for {n} users; "
                + ("one each" if slate == 1 else f"{slate} each, [n, {slate}]")
            )

    def _respond(self, users: Users, items: Ints, noise: Floats) -> Response:
        slate, flat = self.choice.slate, items.reshape(-1)  # [n * slate]
        readers = users if slate == 1 else take_rows(users, np.repeat(np.arange(len(items)), slate))
        affinity = kernels.dots(readers.taste, self.world.vectors, flat)
        costs = [
            cost
            for part, own in zip(self.dynamics, self._columns, strict=True)
            if (cost := part.cost(readers, readers.own[:, own], flat, self.world)) is not None
        ]
        cost = sum(costs, np.zeros(len(flat), np.float32))
        affinity, cost, quality = (
            values.reshape(items.shape) for values in (affinity, cost, self.world.quality.take(flat))
        )
        enjoyment, click = self.choice.answer(affinity, cost, quality, noise)
        return Response(click, enjoyment, affinity, cost)

    def _event(self, items: Ints, response: Response) -> Event:
        slates = items.reshape(len(items), -1)  # [n, slate]
        clicks = response.click.reshape(slates.shape)
        if self.choice.slate == 1:
            shown = self.world.vectors.take(items.reshape(-1), axis=0)  # [n, dim]
            return Event(slates, clicks, shown, shown * clicks)
        vectors = self.world.vectors[slates]  # [n, slate, dim]
        shown, clicked = (
            np.einsum("nsd,ns->nd", vectors, np.broadcast_to(weights, slates.shape))
            for weights in (self.choice.attention, clicks)
        )
        return Event(slates, clicks, shown, clicked)

    def _advance(self, users: Users, event: Event) -> Users:
        after, own = users, []
        changed = False
        for part, columns in zip(self.dynamics, self._columns, strict=True):
            mine = users.own[:, columns]
            after = part.advance(after, mine, event, self.world)
            own.append(part.remember(users, mine, event, self.world))
            changed |= own[-1] is not mine
        return after._replace(own=np.concatenate(own, axis=1, dtype=np.float32)) if changed else after


def _are_exactly(parts: tuple[object, ...], types: tuple[type, ...]) -> bool:
    """No subclass, which may do something else."""
    return tuple(map(type, parts)) == types
