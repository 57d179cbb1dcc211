"""What the agent sees: what a platform knows of its users, never their hidden state (`Oracle` does, and says so)."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Catalog, Floats, Ints, unit
from recloop.envs.privacy import Gaussian
from recloop.envs.users import Users

Layout = dict[str, slice]
"""Where the named blocks of an observation stand in its last axis."""

Memory = tuple[np.ndarray, ...]
"""What the platform remembers of a batch of sessions: a named tuple of arrays, each [n, ...]."""


class Observation(Protocol):
    """From what happened to what the agent sees.

    `items` are the catalog in the space of the observation's `state` block, so that <state, e> means something.
    """

    items: Catalog
    layout: Layout
    sees: str

    def arrive(self, users: Users) -> Any:
        """The platform's memory at the start of sessions."""

    def remember(self, memory: Any, users: Users, items: Ints, click: Floats) -> Any:
        """The memory after `items` were shown and answered with `click`, both [n], or [n, slate] for slates.

        `users` are those after the step.
        """

    def read(self, memory: Any) -> Floats:
        """The observation, float32 [n, size]."""

    def offering(self, rows: Ints) -> "Observation":
        """The same, where only the items in `rows` [k] can be recommended."""


def blocks(**sizes: int) -> Layout:
    """Blocks side by side in the order given."""
    ends = np.cumsum(list(sizes.values())).tolist()
    return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def size_of(layout: Layout) -> int:
    """Length of an observation."""
    return int(max(block.stop for block in layout.values()))


Own = TypeVar("Own", "Pooled", "Oracle")

MOST_NUMBERED = 2**24
"""Whole numbers below it are exact in float32, and so are rows of a catalog in an observation."""

_NOWHERE = slice(0, 0)

SITUATION = 3
"""Size of the `situation` block: part of the session gone, last answer, recent share of clicks."""


class Seen(NamedTuple):
    """Memory of the pooled observation: the observation itself is all that the platform needs to go on."""

    values: Floats  # [n, size]


class Pooled:
    """The recency-weighted mean of the item vectors that a user liked, plus the vector of the profile text.

        state     = unit(history_weight * history + profile_weight * profile)          at arrival
        state'    = unit(state + click_rate * click * e)
        exposure' = decay * exposure + (1 - decay) * gain * e         the platform knows what it has shown
        situation = (part of the session gone, last answer, recent share of clicks)
        context   = what of the users' own columns the platform sees: time of day, device
        recent    = the items shown last, as rows of the catalog, oldest first, -1 for none    where `recent` is above 0
        answers   = 1 for each of these that was clicked, else 0                               where `recent` is above 0

    Of a slate, the exposure is to the mean of its items; each of them is an item shown, with an answer of its own.

    Args:
        items: the catalog as the agent reads it.
        history: each user's logged history, pooled: unit vectors in the space of `items`, [num_users, dim].
        max_steps: longest session, to tell the part that is gone.
        profiles: vectors of the profile texts, [num_users, dim]; None where there are none.
        profile_weight: of the profile beside the history.
        history_weight: of the history; 0 for users of whom nothing is logged.
        privacy: blurs the states at arrival; None for none. Of what happens in the session it hides nothing.
        recent: how many of the items shown last are told with their answers, for agents that learn a state from them.
        click_rate: how far a click moves the state.
        half_life_steps: fading of the exposure, as the platform assumes it.
        gain: strength of an impression, as the platform assumes it.
        visible: columns of `Users.own` that the platform may see; None for none.
        sees_context: whether it looks at them.
    """

    sees = "observed"

    def __init__(
        self,
        items: Catalog,
        history: Floats,
        max_steps: int,
        profiles: Floats | None = None,
        profile_weight: float = 0.1,
        click_rate: float = 0.03,
        half_life_steps: float = 5.0,
        gain: float = 3.0,
        visible: Ints | None = None,
        sees_context: bool = True,
        history_weight: float = 1.0,
        privacy: Gaussian | None = None,
        recent: int = 0,
    ) -> None:
        if recent < 0 or (recent and items.num_items >= MOST_NUMBERED):
            raise ValueError(f"recent is {recent}, of {items.num_items} items; give 0 to tell none, or fewer items")
        self.history_weight, self.profile_weight = history_weight, profile_weight
        known = unit(np.float32(history_weight) * history)  # [num_users, dim]
        if profiles is not None:
            known = unit(known + np.float32(profile_weight) * profiles)
        if known.shape[1] != items.dim:
            raise ValueError(f"histories of {known.shape[1]} dimensions for items of {items.dim}; read both alike")
        if not np.isfinite(known).all():
            raise ValueError(
                f"user {int(np.argmin(np.isfinite(known).all(axis=1)))} has a non-finite state; encode again"
            )
        self.items, self.max_steps, self.gain = items, max_steps, gain
        self.known, self.click_rate = known if privacy is None else privacy.protect(known), click_rate
        self.decay = float(0.5 ** (1 / half_life_steps))
        self.context = visible if sees_context else None
        told = {"recent": recent, "answers": recent} if recent else {}
        self.layout = blocks(state=items.dim, exposure=items.dim, situation=SITUATION, **_context(self.context), **told)

    def arrive(self, users: Users) -> Seen:
        """State from the history, nothing shown yet."""
        values = np.zeros((len(users.who), size_of(self.layout)), np.float32)
        values[:, self.layout["state"]] = self.known.take(users.who, axis=0)
        values[:, self.layout.get("recent", _NOWHERE)] = -1
        return self._in_context(values, users)

    def remember(self, memory: Seen, users: Users, items: Ints, click: Floats) -> Seen:
        """Take in one answer."""
        if items.ndim == 2:
            values = self._after_slate(memory.values, users, items, click)
        else:
            rates = self.click_rate, self.decay, self.gain, self.max_steps
            values = kernels.observe_pooled(memory.values, self.items.vectors, items, click, users.clock, *rates)
        if "recent" in self.layout:
            _push(values, memory.values, self.layout["recent"], items)
            _push(values, memory.values, self.layout["answers"], click)
        return Seen(values) if self.context is None else self._in_context(values, users)

    def moved(self, memory: Seen, rows: Ints, steps: Floats) -> Seen:
        """The memory after the states of the users in `rows` [k] were moved by `steps` [k, dim], and scaled to one."""
        values, state = memory.values.copy(), self.layout["state"]
        values[rows, state] = unit(values[rows, state] + steps)
        return Seen(values)

    def _after_slate(self, before: Floats, users: Users, slates: Ints, clicks: Floats) -> Floats:
        state, exposure, situation = (self.layout[name] for name in ("state", "exposure", "situation"))
        vectors, after = self.items.vectors[slates], np.empty_like(before)  # [n, slate, dim], [n, size]
        after[:, state] = unit(
            before[:, state] + np.float32(self.click_rate) * np.einsum("nsd,ns->nd", vectors, clicks)
        )
        after[:, exposure] = kernels.fade_and_add(before[:, exposure], vectors.mean(axis=1), self.decay, self.gain)
        _situation(after[:, situation], before[:, situation], users, clicks.max(axis=1), self.max_steps)
        return after

    def _in_context(self, values: Floats, users: Users) -> Seen:
        if self.context is not None:
            values[:, self.layout["context"]] = users.own[:, self.context]
        return Seen(values)

    def read(self, memory: Seen) -> Floats:
        """The memory is the observation."""
        return memory.values.copy()

    def offering(self, rows: Ints) -> "Pooled":
        """What is known of users stays."""
        return _offering(self, rows)


class Collaborative(Pooled):
    """What a platform knows that reads no texts: histories in the world's own vectors, where items lie as people rated.

    For data without texts. What the agent knows of items is then as right as the world itself.

    Args:
        items: the world's catalog.
        history: each user's logged history, pooled in that space, [num_users, dim].
        max_steps: longest session.
        arguments: those of `Pooled`.
    """


def _offering(observation: Own, rows: Ints) -> Own:
    fewer = copy(observation)
    fewer.items = observation.items.offering(rows)
    return fewer


def _push(now: Floats, before: Floats, block: slice, values: np.ndarray) -> None:
    """Write the block [n, length], `values` [n] or [n, slate] behind those that were there, in place."""
    length, behind = block.stop - block.start, values.reshape(len(values), -1)
    now[:, block] = np.concatenate([before[:, block], behind], axis=1)[:, -length:]


def _context(columns: Ints | None) -> dict[str, int]:
    """The block of the context, where there is one."""
    return {} if columns is None else {"context": len(columns)}


def _situation(now: Floats, before: Floats, users: Users, click: Floats, max_steps: int) -> None:
    """Write the situation block, [n, 3], in place."""
    now[:, 0] = users.clock * np.float32(1 / max_steps)
    now[:, 1] = click
    now[:, 2] = before[:, 2] * np.float32(0.8) + click * np.float32(0.2)


class Read(NamedTuple):
    """Memory of the prompt observation."""

    who: Ints  # [n]
    enjoyed: Ints  # [n, length] items, oldest first, -1 for none
    skipped: Ints  # [n, length]
    exposure: Floats  # [n, dim]
    situation: Floats  # [n, 3]
    context: Floats  # [n, size]


class Prompt:
    """At every step a language model reads the user's text again.

    Args:
        items: the catalog as the agent reads it.
        read: language model and projection: texts to unit vectors [n, dim]. Called once a step with the batch's texts,
            repeats included; give a function that keeps what it has read.
        write: user's text from the profile and the titles enjoyed and skipped, oldest first.
        profiles: the profile text of each user of the population's data.
        recent_likes: what each user enjoyed before the session, [num_users, length], -1 for none.
        max_steps: longest session.
        half_life_steps: fading of the exposure, as the platform assumes it.
        gain: strength of an impression, as the platform assumes it.
        visible: columns of `Users.own` that the platform may see; None for none.
        sees_context: whether it looks at them.
    """

    sees = "observed"

    def __init__(
        self,
        items: Catalog,
        read: Callable[[Sequence[str]], Floats],
        write: Callable[[str, Sequence[str], Sequence[str]], str],
        profiles: Sequence[str],
        recent_likes: Ints,
        max_steps: int,
        half_life_steps: float = 5.0,
        gain: float = 3.0,
        visible: Ints | None = None,
        sees_context: bool = True,
    ) -> None:
        self.items, self.max_steps, self.gain = items, max_steps, gain
        self.context = visible if sees_context else None
        self.texts_to_vectors, self.write, self.profiles, self.recent_likes = read, write, profiles, recent_likes
        self.decay = float(0.5 ** (1 / half_life_steps))
        self.layout = blocks(state=items.dim, exposure=items.dim, situation=SITUATION, **_context(self.context))

    def arrive(self, users: Users) -> Read:
        """The logged likes; nothing skipped, nothing shown."""
        n = len(users.who)
        enjoyed = self.recent_likes[users.who]  # [n, length]
        exposure, situation = np.zeros((n, self.items.dim), np.float32), np.zeros((n, SITUATION), np.float32)
        return Read(users.who, enjoyed, np.full_like(enjoyed, -1), exposure, situation, self._context(users))

    def remember(self, memory: Read, users: Users, items: Ints, click: Floats) -> Read:
        """Append each item to what was enjoyed or to what was skipped."""
        slates, clicks = items.reshape(len(items), -1), click.reshape(len(items), -1)  # [n, slate]
        shown = self.items.vectors[slates].mean(axis=1)  # [n, dim]
        situation = np.empty_like(memory.situation)
        _situation(situation, memory.situation, users, clicks.max(axis=1), self.max_steps)
        enjoyed, skipped = memory.enjoyed, memory.skipped
        for item, clicked in zip(slates.T, clicks.T > 0, strict=True):
            enjoyed, skipped = _append(enjoyed, item, clicked), _append(skipped, item, ~clicked)
        exposure = kernels.fade_and_add(memory.exposure, shown, self.decay, self.gain)
        return Read(users.who, enjoyed, skipped, exposure, situation, self._context(users))

    def _context(self, users: Users) -> Floats:
        return users.own[:, [] if self.context is None else self.context]

    def read(self, memory: Read) -> Floats:
        """Write the texts and have them read."""
        state = self.texts_to_vectors(self.texts(memory))  # [n, dim]
        return np.concatenate([state, memory.exposure, memory.situation, memory.context], axis=1, dtype=np.float32)

    def offering(self, rows: Ints) -> "Prompt":
        """Not so: titles of what was liked before are looked up in the catalog.

        Raises:
            ValueError: always.
        """
        raise ValueError("the prompt observation takes the whole catalog; choose env/observation=pooled")

    def texts(self, memory: Read) -> list[str]:
        """The text of each user, as the model reads it."""
        return [
            self.write(self.profiles[who], self._titles(enjoyed), self._titles(skipped))
            for who, enjoyed, skipped in zip(memory.who, memory.enjoyed, memory.skipped, strict=True)
        ]

    def _titles(self, items: Ints) -> list[str]:
        return [self.items.titles[item] for item in items if item >= 0]


def _append(queue: Ints, items: Ints, where: np.ndarray) -> Ints:
    """Push `items` [n] at the end of the rows of `queue` [n, length] that are marked."""
    pushed = np.concatenate([queue[:, 1:], items[:, None]], axis=1)
    return np.where(where[:, None], pushed, queue)


class Oracle:
    """The hidden state itself, in the world's own space, with what the dynamics remember.

    For ablations and bounds.

    Args:
        items: the world's catalog.
        max_steps: longest session.
        columns: size of `Users.own`.
    """

    sees = "true state"

    def __init__(self, items: Catalog, max_steps: int, columns: int = 0) -> None:
        self.items, self.max_steps = items, max_steps
        self.layout = blocks(state=items.dim, exposure=items.dim, profile=items.dim, situation=2, own=columns)

    def arrive(self, users: Users) -> Users:
        """The users themselves are the memory."""
        return users

    def remember(self, memory: Users, users: Users, items: Ints, click: Floats) -> Users:
        """The users themselves are the memory."""
        return users

    def read(self, memory: Users) -> Floats:
        """All that matters of the hidden state, [n, 3 * dim + 2 + columns]."""
        gone = memory.clock * np.float32(1 / self.max_steps)
        parts = [memory.taste, memory.exposure, memory.profile, memory.patience[:, None], gone[:, None], memory.own]
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def offering(self, rows: Ints) -> "Oracle":
        """What is known of users stays."""
        return _offering(self, rows)

    def users(self, observations: Floats) -> Users:
        """The users whose reading `observations` [n, size] is; `who` is lost and becomes 0."""
        taste, exposure, profile, situation, own = (observations[:, block] for block in self.layout.values())
        clock = np.rint(situation[:, 1] * self.max_steps).astype(np.int64)
        return Users(np.zeros(len(clock), np.int64), taste, profile, exposure, situation[:, 0], clock, own)
