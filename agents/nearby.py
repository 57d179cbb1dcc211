"""Heuristics for large catalogs, in which nobody can score every item: they choose among those near a user."""

from typing import Any

import numpy as np

from recloop.agents.baselines import Greedy, first_items
from recloop.agents.policy import Bools, Floats, Ints

WIDTH = 100
"""Items looked up by each of the two queries."""


class Near:
    """Some items for each of n users, and what a heuristic makes of them.

    Args:
        base: the heuristic.
        items: of each user, [n, k]; an item that comes twice counts once.
    """

    def __init__(self, base: Greedy, items: Ints) -> None:
        self.base, self.items = base, np.sort(items, axis=1)
        self.twice = np.zeros(items.shape, bool)
        self.twice[:, 1:] = self.items[:, 1:] == self.items[:, :-1]
        self.vectors = base.items.vectors[self.items]  # [n, k, dim]

    def scores(self, observation: Floats) -> Floats:
        """What each of its user's items is worth by the observations [n * times, size], [n * times, k]; -inf for none.

        Each user may be observed several times, row after row.
        """
        layout, (n, k) = self.base.items.layout, self.items.shape
        across = self.vectors.transpose(0, 2, 1)  # [n, dim, k]
        similar = observation[:, layout["state"]].reshape(n, -1, across.shape[1]) @ across  # [n, times, k]
        bored = observation[:, layout["exposure"]].reshape(n, -1, across.shape[1]) @ across
        scores = self.base.combine(similar, bored, self.base.bonus[self.items][:, None])
        scores[np.broadcast_to(self.twice[:, None], scores.shape)] = -np.inf
        if (block := layout.get("shown")) is not None:
            shown = observation[:, block].reshape(n, scores.shape[1], 1, -1)
            scores[(self.items[:, None, :, None] == shown).any(axis=3)] = -np.inf
        return scores.reshape(-1, k)

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The best of the items, [n * times] or [n * times, slate]."""
        scores, slate = self.scores(observation), self.base.slate
        places = scores.argmax(axis=1) if slate == 1 else first_items(scores, slate)
        return self.at(places), state

    def at(self, places: Ints) -> Ints:
        """The items that stand at `places` [n * times, ...] of what is scored."""
        times = len(places) // len(self.items)
        flat = np.repeat(self.items, times, axis=0), places.reshape(len(places), -1)
        return np.take_along_axis(*flat, axis=1).reshape(places.shape)


class Nearby:
    """A heuristic that looks at the items near a user alone.

    Near are the items of the highest <state, e>, and those of the highest <state - boredom_weight * exposure, e>: where
    the user is not bored of an item its score is the first of these, elsewhere the second, but for the quality.

    Args:
        base: the heuristic; any item may stand in any place of its slates.

    Raises:
        ValueError: nothing looks items up, or places of a slate are for some items only.
    """

    def __init__(self, base: Greedy) -> None:
        if base.items.nearest is None or base.slots is not None:
            raise ValueError("items near a user need an index, and slates whose places are open to any item")
        self.base, self.nearest = base, base.items.nearest
        self.slate: int = base.slate
        self.slots: Bools | None = None

    def near(self, observation: Floats) -> Near:
        """What lies near the users who are observed, [n, size]."""
        layout = self.base.items.layout
        shown = layout.get("shown", slice(0, 0))
        k = min(WIDTH + self.slate + shown.stop - shown.start, len(self.base.items.vectors))
        state, exposure = observation[:, layout["state"]], observation[:, layout["exposure"]]
        queries = [state]
        if self.base.boredom_weight:
            queries.append(state - np.float32(self.base.boredom_weight) * exposure)
        return Near(self.base, np.concatenate([self.nearest(query, k) for query in queries], axis=1))

    def scores(self, observation: Floats) -> Floats:
        """Not of every item.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{len(self.base.items.vectors)} items are too many to score them all; choose a smaller catalog"
        )

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The best item near each user, [n], or slate, [n, slate]."""
        return self.near(observation).predict(observation, state)
