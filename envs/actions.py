"""What an agent says, and which items the platform shows for it.

An item, a position among candidates, or a vector in item space: `items` translates, from nothing but what was said and
what was observed. What it takes is part of the observation, in blocks behind those of `envs/observations.py`:

    shown       item numbers shown in this session, oldest first, -1 for none       where repeats are false
    candidates  item numbers that may be recommended now                            where there are candidates
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from gymnasium import spaces

from recloop.envs import kernels
from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.observations import MOST_NUMBERED, Layout, blocks
from recloop.envs.slates import Slates, unfit
from recloop.envs.users import Users


@dataclass(frozen=True, eq=False)
class Stock:
    """What there is to recommend, and how.

    Args:
        vectors: of the items, in the space of the observation's `state` block, [num_items, dim].
        layout: of the observation, without the blocks of the actions.
        slate: items shown at once.
        slots: which items may stand at each position of a slate, [slate, num_items]; None for any.
        max_steps: longest session.
        nearest: the k items of the highest inner product with each query [n, dim], best first, [n, k].
    """

    vectors: Floats
    layout: Layout
    slate: int
    slots: Bools | None
    max_steps: int
    nearest: Callable[[Floats, int], Ints]


class Nothing(NamedTuple):
    """Memory of actions that need none."""


class Offered(NamedTuple):
    """What the platform remembers of its own offers."""

    shown: Floats  # [n, max_steps * slate] items, oldest first, -1 for none; [n, 0] if repeats do not matter
    key: Ints  # [n] made of who came, what was shown and how they answered: candidates are drawn by it


@dataclass(frozen=True)
class Actions(ABC):
    """What all actions have in common.

    Args:
        repeats: whether an item may be shown again in the same session.
    """

    repeats: bool = True
    stock: Stock = field(init=False, repr=False, compare=False)

    def of(self, stock: Stock) -> Self:
        """The same actions, on the items of `stock`.

        Raises:
            ValueError: there are too few items, or more than float32 can count.
        """
        told = replace(self)
        object.__setattr__(told, "stock", stock)
        told._check()
        return told

    def _check(self) -> None:
        """Even after the longest session something is left to recommend."""
        num_items, needed = len(self.stock.vectors), self.shown + self.needed
        if self.blocks and num_items >= MOST_NUMBERED:
            raise ValueError(f"{num_items} items are too many to name in float32; set repeats=true and choose item")
        fitting = num_items if self.stock.slots is None else int(self.stock.slots.sum(axis=1).min())
        if self.blocks and fitting < needed:
            shown, remedy = "", "give more items or choose from fewer"
            if not self.repeats:
                shown, remedy = f"{self.shown} that a session may show and ", f"{remedy}, or set repeats=true"
            raise ValueError(f"{fitting} items are fewer than {shown}{self.needed} to choose from; {remedy}")

    @property
    @abstractmethod
    def space(self) -> spaces.Space[Any]:
        """What one agent may say."""

    @abstractmethod
    def items(self, said: Any, observations: Floats) -> Ints:
        """The items shown, [n] or [n, slate], for what was `said` on seeing `observations` [n, size]."""

    def masks(self, observations: Floats) -> Bools:
        """Which items, or candidates, may be said on seeing `observations` [n, size], [n, items or candidates].

        Of a slate, such masks for each place, one after the other.
        """
        raise NotImplementedError

    @property
    def needed(self) -> int:
        """How many items must be left to choose from."""
        return self.stock.slate

    @property
    def shown(self) -> int:
        """How many items of a session may not be shown again."""
        return 0 if self.repeats else self.stock.max_steps * self.stock.slate

    @property
    def blocks(self) -> dict[str, int]:
        """What they add to the observation, and how many numbers."""
        return {} if self.repeats else {"shown": self.shown}

    @cached_property
    def layout(self) -> Layout:
        """All blocks of the observation."""
        sizes = {name: block.stop - block.start for name, block in self.stock.layout.items()}
        return blocks(**sizes, **self.blocks)

    @cached_property
    def remembers(self) -> bool:
        """Whether there is anything to remember, and to add to the observation."""
        return bool(self.blocks)

    @property
    def plain(self) -> bool:
        """Whether what is said are the items shown, and nothing is added to the observation."""
        return False

    def arrive(self, users: Users) -> Any:
        """The memory at the start of sessions."""
        if not self.remembers:
            return Nothing()
        shown = np.full((len(users.who), self.shown), -1, np.float32)
        return Offered(shown, kernels.stirred(np.zeros(len(users.who), np.int64), users.who[:, None]))

    def remember(self, memory: Offered, items: Ints, click: Floats) -> Offered:
        """The memory after `items` were shown and answered with `click`, both [n] or [n, slate]."""
        slates, clicks = items.reshape(len(items), -1), click.reshape(len(items), -1).astype(np.int64)
        shown = memory.shown
        if not self.repeats:
            shown = np.concatenate([shown[:, slates.shape[1] :], slates], axis=1, dtype=np.float32)
        return Offered(shown, kernels.stirred(memory.key, np.concatenate([slates, clicks], axis=1)))

    def read(self, memory: Offered, observation: Floats) -> Floats:
        """The observation [n, size] with the blocks of the actions behind it."""
        return np.concatenate([observation, *self._blocks(memory, observation)], axis=1, dtype=np.float32)

    def _blocks(self, memory: Offered, observation: Floats) -> list[np.ndarray]:
        return [] if self.repeats else [memory.shown]

    def recall(self, observations: Floats) -> Offered:
        """What was shown, as far as `observations` [n, size] tell; the keys are lost."""
        shown = observations[:, self.layout.get("shown", slice(0, 0))]  # [n, shown]
        return Offered(shown, np.zeros(len(shown), np.int64))


@dataclass(frozen=True)
class Items(Actions):
    """Any item of the catalog; of several, a slate of different ones.

    Where repeats are false and an item is said that was shown before, the most similar one that was not is shown.

    Args:
        repeats: whether an item may be shown again in the same session.
    """

    @cached_property
    def plain(self) -> bool:
        """Whether what is said are the items shown, and nothing is added to the observation."""
        return self.repeats

    @property
    def space(self) -> spaces.Space[Any]:
        """Of one user."""
        num_items, slate = len(self.stock.vectors), self.stock.slate
        return spaces.Discrete(num_items) if slate == 1 else Slates(num_items, slate, self.stock.slots)

    def items(self, said: Ints, observations: Floats) -> Ints:
        """The items said, [n] or [n, slate].

        Raises:
            ValueError: there is no such item, or it may not stand where it does.
        """
        _refuse_shape(said, len(observations), self.stock.slate)
        if words := unfit(said.reshape(len(said), -1), len(self.stock.vectors), self.stock.slots):
            raise ValueError(words)
        return said if self.repeats else self._unseen(said, self.recall(observations).shown.astype(np.int64))

    def masks(self, observations: Floats) -> Bools:
        """All but those that were shown, and those that may not stand in a place, [n, slate * num_items]."""
        num_items, shown = len(self.stock.vectors), self.recall(observations).shown.astype(np.int64)
        may = np.ones((len(observations), num_items + 1), bool)  # the last stands for none
        np.put_along_axis(may, np.where(shown < 0, num_items, shown), False, axis=1)
        fits = np.ones((self.stock.slate, num_items), bool) if self.stock.slots is None else self.stock.slots
        return (may[:, None, :num_items] & fits).reshape(len(observations), -1)

    def _unseen(self, said: Ints, shown: Ints) -> Ints:
        slates = said.reshape(len(said), -1).copy()  # [n, slate]
        again = (slates[:, :, None] == shown[:, None]).any(axis=2)
        for row, place in np.argwhere(again).tolist():
            similar = self.stock.vectors @ self.stock.vectors[slates[row, place]]  # [num_items]
            similar[slates[row]] = -np.inf
            similar[shown[row, shown[row] >= 0]] = -np.inf
            if self.stock.slots is not None:
                similar[~self.stock.slots[place]] = -np.inf
            slates[row, place] = similar.argmax()
        return slates.reshape(said.shape)


@dataclass(frozen=True)
class Candidates(Actions):
    """The two-stage recommender: some items are retrieved for each user, the agent chooses among them.

    The `retrieved` items are those most similar to the observation's `state`, the `drawn` ones come from the whole
    catalog, so that no item is out of reach: by chance, but the same again for the same user and the same session so
    far. An action is a position among them, the retrieved ones first, best first; or a slate of positions.

    Args:
        repeats: whether an item may be shown again in the same session.
        retrieved: items looked up by similarity.
        drawn: further items drawn at random.
    """

    retrieved: int = 80
    drawn: int = 20

    def __post_init__(self) -> None:
        """There is something to choose from."""
        if self.retrieved < 0 or self.drawn < 0 or self.retrieved + self.drawn < 1:
            raise ValueError(
                f"retrieved is {self.retrieved} and drawn is {self.drawn}; give numbers of 0 or more, one above 0"
            )

    def _check(self) -> None:
        super()._check()
        _refuse_slots(self.stock, "candidates")
        if self.needed < self.stock.slate:
            raise ValueError(f"{self.needed} candidates do not fill a slate of {self.stock.slate}; retrieve more")

    @property
    def needed(self) -> int:
        """How many candidates there are."""
        return self.retrieved + self.drawn

    @property
    def blocks(self) -> dict[str, int]:
        """What they add to the observation, and how many numbers."""
        return {**super().blocks, "candidates": self.needed}

    @property
    def space(self) -> spaces.Space[Any]:
        """Of one user."""
        return spaces.Discrete(self.needed) if self.stock.slate == 1 else Slates(self.needed, self.stock.slate)

    def _blocks(self, memory: Offered, observation: Floats) -> list[np.ndarray]:
        found = np.empty((len(observation), 0), np.int64)
        if self.retrieved:
            state = observation[:, self.stock.layout["state"]]  # [n, dim]
            found = self.stock.nearest(state, self.retrieved + self.shown)
        chosen = kernels.candidates(
            memory.key, found, memory.shown, self.retrieved, self.drawn, len(self.stock.vectors)
        )
        return [*super()._blocks(memory, observation), chosen]

    def masks(self, observations: Floats) -> Bools:
        """All: what was shown is no candidate, [n, slate * (retrieved + drawn)]."""
        return np.ones((len(observations), self.stock.slate * self.needed), bool)

    def items(self, said: Ints, observations: Floats) -> Ints:
        """The candidates at the positions said, [n] or [n, slate].

        Raises:
            ValueError: there is no such position, or it is named twice in a slate.
        """
        _refuse_shape(said, len(observations), self.stock.slate)
        positions = said.reshape(len(said), -1)  # [n, slate]
        if words := unfit(positions, self.needed, noun="position"):
            raise ValueError(words)
        offered = observations[:, self.layout["candidates"]]  # [n, retrieved + drawn]
        return np.take_along_axis(offered, positions, axis=1).astype(np.int64).reshape(said.shape)


@dataclass(frozen=True)
class Proto(Actions):
    """A vector in item space: the nearest items are shown, best first, whatever its length.

    Args:
        repeats: whether an item may be shown again in the same session.
    """

    def _check(self) -> None:
        super()._check()
        _refuse_slots(self.stock, "proto")

    @property
    def space(self) -> spaces.Space[Any]:
        """Of one user."""
        return spaces.Box(-1, 1, (self.stock.vectors.shape[1],), np.float32)

    def items(self, said: Floats, observations: Floats) -> Ints:
        """The items nearest to the vectors said [n, dim]: [n], or [n, slate].

        Raises:
            ValueError: a vector has another length than those of the items, or is not finite.
        """
        n, dim, slate = len(observations), self.stock.vectors.shape[1], self.stock.slate
        if said.shape != (n, dim):
            raise ValueError(f"actions are {said.shape} for {n} users and items of {dim} values; give {(n, dim)}")
        if not np.isfinite(said).all():
            row = int(np.isfinite(said).all(axis=1).argmin())
            raise ValueError(f"action {row} has a value that is not finite; give a vector in item space")
        memory = self.recall(observations)
        found = self.stock.nearest(said.astype(np.float32), slate + self.shown)
        chosen: Ints = kernels.candidates(memory.key, found, memory.shown, slate, 0, len(self.stock.vectors))
        return chosen[:, 0] if slate == 1 else chosen


def _refuse_shape(said: np.ndarray, n: int, slate: int) -> None:
    wanted = (n,) if slate == 1 else (n, slate)
    if said.shape != wanted:
        raise ValueError(f"actions are {said.shape} for {n} users; give {wanted}")


def _refuse_slots(stock: Stock, name: str) -> None:
    if stock.slots is not None:
        raise ValueError(f"{name} cannot tell which items may stand where, as ads; choose env/action=item")


ACTIONS: Mapping[str, type[Actions]] = {"item": Items, "candidates": Candidates, "proto": Proto}
"""Named as in configs/env/action/."""


def actions_named(name: str, *, repeats: bool) -> Actions:
    """The actions of that name, as they are by default.

    Raises:
        ValueError: there are none.
    """
    if name not in ACTIONS:
        raise ValueError(f"action is {name!r}; choose one of {', '.join(ACTIONS)}")
    return ACTIONS[name](repeats)


def name_of(actions: Actions) -> str:
    """Its name among `ACTIONS`."""
    return next(name for name, kind in ACTIONS.items() if type(actions) is kind)
