"""A planner on a model of the world: the bound that learners are measured against."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from recloop.agents.baselines import first_items
from recloop.agents.nearby import Near, Nearby
from recloop.agents.policy import Bools, Floats, Ints


class Model(Protocol):
    """A world that can be tried out."""

    def step(self, observations: Floats, items: Ints) -> tuple[Floats, Floats, Floats]:
        """Expected next observations [n, size], rewards [n], and 1 where the session goes on, [n]."""


class Scorer(Protocol):
    """A policy that rates every item: `Greedy`, `Sparing`, `Myopic`."""

    slate: int
    slots: Bools | None

    def scores(self, observation: Floats) -> Floats:
        """What each item is worth, [n, num_items]."""

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The recommendation to each user, [n] or [n, slate]."""


class RolloutPlanner:
    """One step of policy improvement over a base policy, by simulation (Tesauro and Galperin, 1996).

    Each of the base policy's best `candidates` items is tried, then the base policy plays on for `horizon` steps; the
    item of the highest return is recommended. It knows the hidden state but not the luck: clicks count by their
    probability (one sampled future made it worse than its base, because it chose what that future happened to
    favour). Of slates it tries the base policy's own, then what that would be without the item at its top, and so on.

    Args:
        model: the world.
        base: the base policy.
        num_items: size of the catalog.
        candidates: recommendations tried for each user.
        horizon: steps played after each.
        also: policies whose best `candidates` recommendations are tried too.
        closed: the most items that may not be recommended again, which have the score -inf.
    """

    def __init__(
        self,
        model: Model,
        base: Scorer,
        num_items: int,
        candidates: int = 5,
        horizon: int = 12,
        also: Sequence[Scorer] = (),
        closed: int = 0,
    ) -> None:
        self.model, self.base, self.horizon, self.also = model, base, horizon, also
        fitting = num_items if base.slots is None else int(base.slots.sum(axis=1).min())
        self.candidates = min(candidates, fitting - closed - base.slate + 1)

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """What has the highest simulated return, [n] or [n, slate]."""
        tried = np.concatenate([self._best(policy, observation) for policy in (self.base, *self.also)], axis=1)
        k = tried.shape[1]
        base = self.base.near(observation) if isinstance(self.base, Nearby) else self.base
        returns = self._returns(np.repeat(observation, k, axis=0), tried.reshape(-1, *tried.shape[2:]), base)
        best = returns.reshape(-1, k).argmax(axis=1)
        return tried[np.arange(len(tried)), best], state

    def _best(self, policy: Scorer, observation: Floats) -> Ints:
        """The best recommendations of a policy, [n, candidates] or [n, candidates, slate]."""
        if isinstance(policy, Nearby):
            near = policy.near(observation)
            return near.at(self._highest(near.scores(observation), policy))
        return self._highest(policy.scores(observation), policy)

    def _highest(self, scores: Floats, policy: Scorer) -> Ints:
        """The columns of the best recommendations, [n, candidates] or [n, candidates, slate]; overwrites `scores`."""
        if policy.slate == 1:
            return np.argpartition(-scores, self.candidates - 1)[:, : self.candidates]
        tried = np.empty((len(scores), self.candidates, policy.slate), np.int64)
        for candidate in range(self.candidates):
            tried[:, candidate] = first_items(scores, policy.slate, policy.slots)
            np.put_along_axis(scores, tried[:, candidate, :1], -np.inf, axis=1)
        return tried

    def _returns(self, observation: Floats, items: Ints, base: "Scorer | Near") -> Floats:
        """Expected return of recommending `items` [m] or [m, slate] and then playing on with the `base` policy, [m]."""
        total, alive = np.zeros(len(items), np.float32), np.ones(len(items), np.float32)
        for step in range(self.horizon + 1):
            if step:
                items, _ = base.predict(observation)
            observation, reward, goes_on = self.model.step(observation, items)
            total += alive * reward
            alive *= goes_on
        return total
