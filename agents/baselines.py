"""Policies that learn nothing, for every table."""

from typing import Any

import numpy as np

from recloop.agents.policy import Bools, Floats, Ints, ItemSpace

MANY = 100_000
"""From so many items on, not every one gets a random number."""


def first_items(scores: Floats, k: int, slots: Bools | None = None) -> Ints:
    """The `k` items of the highest `scores` [n, num_items], best first, [n, k].

    With `slots` [k, num_items] each place, from the top, gets the best item left that may stand there.
    """
    if slots is None:
        unordered = np.argpartition(-scores, k - 1, axis=1)[:, :k]  # [n, k]
        order = np.argsort(-np.take_along_axis(scores, unordered, axis=1), axis=1, kind="stable")
        return np.take_along_axis(unordered, order, axis=1)
    left, chosen = scores.astype(np.float32), np.empty((len(scores), k), np.int64)
    for place, fits in enumerate(slots):
        chosen[:, place] = np.where(fits, left, -np.inf).argmax(axis=1)
        np.put_along_axis(left, chosen[:, place, None], -np.inf, axis=1)
    return chosen


def mask_shown(scores: Floats, observation: Floats, shown: slice | None) -> Floats:
    """`scores` [n, num_items], which is written to: -inf where the `shown` block of the observation names an item."""
    if shown is not None:
        items = observation[:, shown].astype(np.int64)  # [n, length], -1 for none
        rows, places = np.nonzero(items >= 0)
        scores[rows, items[rows, places]] = -np.inf
    return scores


class Random:
    """Every item is as likely as any other; the items of a slate are different ones.

    Args:
        num_items: size of the catalog.
        seed: of its own random stream.
        slate: items in a recommendation.
        slots: which items may stand in each place of a slate, [slate, num_items]; None for any.
        shown: block of the observation with what may not be recommended again; None if everything may.
    """

    def __init__(
        self, num_items: int, seed: int, slate: int = 1, slots: Bools | None = None, shown: slice | None = None
    ) -> None:
        self.num_items, self.rng, self.slate, self.slots = num_items, np.random.default_rng(seed), slate, slots
        self.shown = shown

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """A random item [n], or slate [n, slate], for each user."""
        if self.slate == 1 and self.shown is None:
            return self.rng.integers(self.num_items, size=len(observation)), state
        if self.slots is None and self.num_items >= MANY:
            items = self._again(observation)
            return items[:, 0] if self.slate == 1 else items, state
        keys = mask_shown(self.rng.random((len(observation), self.num_items), np.float32), observation, self.shown)
        items = first_items(keys, self.slate, self.slots)
        return items[:, 0] if self.slate == 1 else items, state

    def _again(self, observation: Floats) -> Ints:
        """Slates [n, slate], drawn again where an item comes twice or may not be shown again."""
        closed = observation[:, self.shown or slice(0, 0)].astype(np.int64)  # [n, length]
        items = np.empty((len(observation), self.slate), np.int64)
        todo = np.arange(len(observation))
        while len(todo):
            items[todo] = self.rng.integers(self.num_items, size=(len(todo), self.slate))
            ordered = np.sort(items[todo], axis=1)
            twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
            shown = (items[todo, :, None] == closed[todo, None]).any(axis=(1, 2))
            todo = todo[twice | shown]
        return items


class Popularity:
    """The most popular items in order, one a step, the same for everybody; starts again at each session.

    Args:
        items: what is known of the items.
        slate: items in a recommendation, the next so many of the list.
        slots: which items may stand in each place of a slate, [slate, num_items]; None for any.
    """

    def __init__(self, items: ItemSpace, slate: int = 1, slots: Bools | None = None) -> None:
        self.order, self.slate, self.slots = np.argsort(-items.popularity, kind="stable"), slate, slots
        self.shown = items.layout.get("shown")

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The next most popular item; `state` [n] counts the steps of each session."""
        step = np.zeros(len(observation), np.int64) if state is None else state
        if episode_start is not None:
            step = np.where(episode_start, 0, step)
        if self.slate == 1 and self.shown is None:
            return self.order[step % len(self.order)], step + 1
        if self.slots is None:
            return self._next(observation, step), step + 1
        until = (np.argsort(self.order) - step[:, None] * self.slate) % len(self.order)  # [n, num_items]
        soonest = mask_shown(-until.astype(np.float32), observation, self.shown)
        items = first_items(soonest, self.slate, self.slots)
        return items[:, 0] if self.slate == 1 else items, step + 1

    def _next(self, observation: Floats, step: Ints) -> Ints:
        """The next of the list that may be shown, [n] or [n, slate]."""
        closed = 0 if self.shown is None else self.shown.stop - self.shown.start
        ahead = np.arange(min(self.slate + closed, len(self.order)))
        items = self.order[(step[:, None] * self.slate + ahead) % len(self.order)]  # [n, ahead]
        soonest = np.broadcast_to(-ahead.astype(np.float32), items.shape).copy()
        if self.shown is not None:
            soonest[(items[:, :, None] == observation[:, None, self.shown]).any(axis=2)] = -np.inf
        found = np.take_along_axis(items, first_items(soonest, self.slate), axis=1)
        return found[:, 0] if self.slate == 1 else found


class Greedy:
    """The item of the highest score

        score = <state, e> - boredom_weight * max(0, <exposure, e>) + quality_weight * quality

    With both weights 0 this is similarity-greedy. On true states and with the weights of the world it is the greedy
    oracle, which maximises the enjoyment of this step; with a larger boredom weight it is the boredom-aware
    heuristic, which spares for later.

    Args:
        items: what is known of the items.
        boredom_weight: price of boredom, in units of cosine.
        quality_weight: worth of quality, cosine for one unit of log odds.
        slate: items in a recommendation, those of the highest scores, best first.
        slots: which items may stand in each place of a slate, [slate, num_items]; None for any.
    """

    def __init__(
        self,
        items: ItemSpace,
        boredom_weight: float = 0.0,
        quality_weight: float = 0.0,
        slate: int = 1,
        slots: Bools | None = None,
    ) -> None:
        self.items, self.boredom_weight, self.quality_weight = items, boredom_weight, quality_weight
        self.slate, self.slots = slate, slots
        self.bonus = np.float32(quality_weight) * items.quality  # [num_items]

    def scores(self, observation: Floats) -> Floats:
        """The score of every item, [n, num_items]; -inf where it may not be shown again."""
        vectors, layout = self.items.vectors, self.items.layout
        similar = observation[:, layout["state"]] @ vectors.T  # [n, num_items]
        bored = observation[:, layout["exposure"]] @ vectors.T if self.boredom_weight else np.zeros_like(similar)
        return mask_shown(self.combine(similar, bored, self.bonus), observation, layout.get("shown"))

    def combine(self, similar: Floats, bored: Floats, bonus: Floats) -> Floats:
        """Scores [..., k] of items so similar, so boring and so good; overwrites `bored`."""
        np.maximum(bored, 0, out=bored)
        bored *= np.float32(-self.boredom_weight)
        bored += similar
        bored += bonus
        return bored

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The best item [n], or slate [n, slate], for each user."""
        scores = self.scores(observation)
        if self.slate == 1:
            return scores.argmax(axis=-1), state
        return first_items(scores, self.slate, self.slots), state


class Sparing(Greedy):
    """Spend what is merely good first, and keep the favourites for when the user is bored

        value = sigmoid(scale * (score - offset)) - price * <state, e>

    with the score of `Greedy`. Where the chance of a click saturates, a favourite shown early is wasted.

    Args:
        items: what is known of the items.
        boredom_weight: price of boredom, in units of cosine.
        quality_weight: worth of quality, cosine for one unit of log odds.
        scale: steepness of the click model.
        offset: score at which a click is as likely as not.
        price: of similarity, clicks for one unit of cosine.
        slate: items in a recommendation, those of the highest values, best first.
        slots: which items may stand in each place of a slate, [slate, num_items]; None for any.
    """

    def __init__(
        self,
        items: ItemSpace,
        boredom_weight: float,
        quality_weight: float,
        scale: float,
        offset: float,
        price: float,
        slate: int = 1,
        slots: Bools | None = None,
    ) -> None:
        super().__init__(items, boredom_weight, quality_weight, slate, slots)
        self.scale, self.offset, self.price = np.float32(scale), np.float32(offset), np.float32(price)

    def combine(self, similar: Floats, bored: Floats, bonus: Floats) -> Floats:
        """Values [..., k]; overwrites `bored`."""
        value = super().combine(similar, bored, bonus)
        value -= self.offset
        value *= -self.scale
        np.exp(np.minimum(value, 60, out=value), out=value)
        value += 1
        np.reciprocal(value, out=value)
        value -= self.price * similar
        return value
