"""The greedy oracle of any world: every item is tried on a model of it."""

from typing import Any

import numpy as np

from recloop.agents.planner import Model
from recloop.agents.policy import Floats, Ints

_TRIED = 32_768
"""Recommendations tried at a time, which take some 100 MB."""


class Myopic:
    """The item of the highest expected reward of this step, whatever the world rewards and does; ties at random.

    A slate is put together place by place: the items are ranked by what each is worth at the top of a slate that is
    otherwise the same for all, then each place in turn gets whichever of the best `candidates` is worth most there,
    the others held fixed. Exact for one item; of a slate it is what coordinate ascent finds.

    Args:
        model: the world.
        num_items: size of the catalog.
        seed: of its own random stream, which breaks ties.
        slate: items in a recommendation.
        candidates: items tried in each place of a slate.
    """

    def __init__(self, model: Model, num_items: int, seed: int, slate: int = 1, candidates: int = 20) -> None:
        self.model, self.num_items, self.slate = model, num_items, slate
        self.candidates = min(max(candidates, slate), num_items)
        self.rng = np.random.default_rng(seed)

    def scores(self, observation: Floats) -> Floats:
        """The expected reward of every item (of a slate: at its top), [n, num_items]."""
        tried = np.arange(self.num_items) if self.slate == 1 else self._tops()
        return self._rewards(observation, np.broadcast_to(tried, (len(observation), *tried.shape)))

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The best item [n], or slate [n, slate], for each user."""
        scores = self.scores(observation)
        if self.slate == 1:
            return self._best(scores), state
        return self._slates(observation, scores), state

    def _tops(self) -> Ints:
        """Every item on top of the first items that are others, [num_items, slate]."""
        first = np.arange(self.slate)
        return np.stack([np.append(item, first[first != item][: self.slate - 1]) for item in range(self.num_items)])

    def _slates(self, observation: Floats, scores: Floats) -> Ints:
        ranked = np.argsort(-scores, axis=1, kind="stable")[:, : self.candidates]  # [n, candidates]
        slates = ranked[:, : self.slate].copy()  # [n, slate]
        for place in range(self.slate):
            tried = np.repeat(slates[:, None], self.candidates, axis=1)  # [n, candidates, slate]
            tried[:, :, place] = ranked
            others = np.delete(slates, place, axis=1)  # [n, slate - 1]
            twice = (ranked[:, :, None] == others[:, None]).any(axis=2)  # [n, candidates]
            tried[twice] = np.repeat(slates, twice.sum(axis=1), axis=0)
            worth = np.where(twice, -np.inf, self._rewards(observation, tried))
            slates[:, place] = np.take_along_axis(ranked, self._best(worth)[:, None], axis=1)[:, 0]
        return slates

    def _rewards(self, observation: Floats, tried: Ints) -> Floats:
        """Expected reward of the recommendations `tried` [n, k, ...] to each user, [n, k]."""
        rows, k = max(_TRIED // tried.shape[1], 1), tried.shape[1]
        rewards = np.empty(tried.shape[:2], np.float32)
        for start in range(0, len(observation), rows):
            some = slice(start, start + rows)
            asked = np.ascontiguousarray(tried[some]).reshape(-1, *tried.shape[2:])
            _, reward, _ = self.model.step(np.repeat(observation[some], k, axis=0), asked)
            rewards[some] = reward.reshape(-1, k)
        return rewards

    def _best(self, scores: Floats) -> Ints:
        """The column of the highest score of each row, [n]; one of them at random where several are equal."""
        best: Ints = scores.argmax(axis=1)
        ties = scores == scores[np.arange(len(scores)), best][:, None]
        for row in np.flatnonzero(ties.sum(axis=1) > 1):
            best[row] = self.rng.choice(np.flatnonzero(ties[row]))
        return best
