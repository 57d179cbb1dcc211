"""Policies that learn nothing, for every table."""

from typing import Any

import numpy as np

from recloop.agents.policy import Floats, Ints, ItemSpace


class Random:
    """Every item is as likely as any other.

    Args:
        num_items: size of the catalog.
        seed: of its own random stream.
    """

    def __init__(self, num_items: int, seed: int) -> None:
        self.num_items, self.rng = num_items, np.random.default_rng(seed)

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """A random item for each user."""
        return self.rng.integers(self.num_items, size=len(observation)), state


class Popularity:
    """The most popular items in order, one a step, the same for everybody; starts again at each session."""

    def __init__(self, items: ItemSpace) -> None:
        self.order = np.argsort(-items.popularity, kind="stable")

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The next most popular item; `state` [n] counts the steps of each session."""
        step = np.zeros(len(observation), np.int64) if state is None else state
        if episode_start is not None:
            step = np.where(episode_start, 0, step)
        return self.order[step % len(self.order)], step + 1


class Greedy:
    """The item of the highest score

        <state, e> - boredom_weight * max(0, <exposure, e>) + quality_weight * quality

    With both weights 0 this is similarity-greedy. On true states and with the weights of the world it is the greedy
    oracle, which maximises the enjoyment of this step; with a larger boredom weight it is the boredom-aware heuristic,
    which spares for later.

    Args:
        items: what is known of the items.
        boredom_weight: price of boredom, in units of cosine.
        quality_weight: worth of quality, cosine for one unit of log odds.
    """

    def __init__(self, items: ItemSpace, boredom_weight: float = 0.0, quality_weight: float = 0.0) -> None:
        self.items, self.boredom_weight, self.quality_weight = items, boredom_weight, quality_weight
        self.bonus = np.float32(quality_weight) * items.quality  # [num_items]

    def scores(self, observation: Floats) -> Floats:
        """The score of every item, [n, num_items]."""
        vectors, layout = self.items.vectors, self.items.layout
        scores = observation[:, layout["state"]] @ vectors.T  # [n, num_items]
        if self.boredom_weight:
            bored = observation[:, layout["exposure"]] @ vectors.T
            scores -= np.float32(self.boredom_weight) * np.maximum(bored, 0, out=bored)
        return scores + self.bonus

    def scores_of(self, observation: Floats, items: Ints) -> Floats:
        """The scores of each user's own `items` [n, k], for several observations of that user [n, copies, size].

        Returns [n, copies, k].
        """
        layout = self.items.layout
        vectors = self.items.vectors[items].transpose(0, 2, 1)  # [n, dim, k]
        bored = np.maximum(observation[:, :, layout["exposure"]] @ vectors, 0)
        similar = observation[:, :, layout["state"]] @ vectors
        scores: Floats = similar - np.float32(self.boredom_weight) * bored + self.bonus[items][:, None]
        return scores

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The best item for each user."""
        return self.scores(observation).argmax(axis=1), state
