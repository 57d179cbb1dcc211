"""The greedy oracle of any world: every item is tried on a model of it."""

from functools import cached_property
from typing import Any

import numpy as np

from recloop.agents.baselines import first_items, mask_shown
from recloop.agents.planner import Model
from recloop.agents.policy import Bools, Floats, Ints

_TRIED = 32_768
"""Recommendations tried at a time, which take some 100 MB."""

_ROUNDS = 3
"""How often each place of a slate is looked at."""


class Myopic:
    """The item of the highest expected reward of this step, whatever the world rewards and does; ties at random.

    A slate is put together place by place: the items are ranked by what each is worth in its first place of a slate
    that is otherwise much the same for all, then each place in turn, three times over, gets whichever of the best
    `candidates` is worth most there, the others held fixed or changing places with it. Exact for one item; of a slate
    it is what such a coordinate ascent finds.

    Args:
        model: the world.
        num_items: size of the catalog.
        seed: of its own random stream, which breaks ties.
        slate: items in a recommendation.
        slots: which items may stand in each place of a slate, [slate, num_items]; None for any.
        candidates: items tried in each place of a slate.
        shown: block of the observation with what may not be recommended again; None if everything may.
    """

    def __init__(
        self,
        model: Model,
        num_items: int,
        seed: int,
        slate: int = 1,
        slots: Bools | None = None,
        candidates: int = 20,
        shown: slice | None = None,
    ) -> None:
        self.model, self.num_items, self.slate, self.slots = model, num_items, slate, slots
        self.fits = np.ones((slate, num_items), bool) if slots is None else slots  # [slate, num_items]
        self.shown, closed = shown, 0 if shown is None else shown.stop - shown.start
        self.candidates = min(candidates + 2 * slate, int(self.fits.sum(axis=1).min()) - closed)
        self.rng = np.random.default_rng(seed)

    @cached_property
    def _tried(self) -> Ints:
        """Every item [num_items], or every item in a slate [num_items, slate]."""
        if self.slate == 1:
            return np.arange(self.num_items)
        others = np.tile(-np.arange(self.num_items, dtype=np.float32), (self.num_items, 1))
        np.fill_diagonal(others, -np.inf)
        slates = first_items(others, self.slate, self.slots)  # of any items but this one, [num_items, slate]
        fitting = np.flatnonzero(self.fits.any(axis=0))
        slates[fitting, self.fits.argmax(axis=0)[fitting]] = fitting
        return slates

    def scores(self, observation: Floats) -> Floats:
        """The expected reward of every item (in a slate), [n, num_items]; -inf where it may not be shown."""
        tried = np.broadcast_to(self._tried, (len(observation), *self._tried.shape))
        scores = np.where(self.fits.any(axis=0), self._rewards(observation, tried), np.float32(-np.inf))
        return mask_shown(scores, observation, self.shown)

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The best item [n], or slate [n, slate], for each user."""
        scores = self.scores(observation)
        return (self._best(scores) if self.slate == 1 else self._slates(observation, scores)), state

    def _slates(self, observation: Floats, scores: Floats) -> Ints:
        slates = first_items(scores, self.slate, self.slots)  # [n, slate]
        usual = first_items(-np.arange(self.num_items, dtype=np.float32)[None], self.slate, self.slots)[0]
        scores[:, usual] = np.inf  # these were ranked beside others than the rest: try them all
        mask_shown(scores, observation, self.shown)
        for place in [*range(self.slate)] * _ROUNDS:
            keys = np.where(self.fits[place], scores, np.float32(-np.inf))
            tried = self._changed(slates, place, first_items(keys, self.candidates))
            best = self._best(self._rewards(observation, tried))
            slates = tried[np.arange(len(slates)), best]
        return slates

    def _changed(self, slates: Ints, place: int, items: Ints) -> Ints:
        """Slates with each of the `items` [n, k] at `place`, and `slates` [n, slate] themselves: [n, 1 + k, slate].

        An item that stands elsewhere changes places with that at `place`; where that may not be, nothing is changed.
        """
        changed = np.repeat(slates[:, None], 1 + items.shape[1], axis=1)
        twice = changed[:, 1:] == items[:, :, None]  # [n, k, slate]
        before = np.broadcast_to(slates[:, place, None, None], twice.shape)
        changed[:, 1:][twice] = before[twice]
        changed[:, 1:, place] = items
        unfit = ~self.fits[np.arange(self.slate), changed].all(axis=2)  # [n, 1 + k]
        changed[unfit] = np.repeat(slates, unfit.sum(axis=1), axis=0)
        return changed

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
