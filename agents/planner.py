"""A planner on a model of the world: the bound that learners are measured against."""

from typing import Any, Protocol

import numpy as np

from recloop.agents.baselines import Greedy
from recloop.agents.policy import Floats, Ints


class Model(Protocol):
    """A world that can be tried out."""

    def step(self, observations: Floats, items: Ints) -> tuple[Floats, Floats, Floats]:
        """Expected next observations [n, size], rewards [n], and 1 where the session goes on, [n]."""


class RolloutPlanner:
    """One step of policy improvement over a base policy, by simulation (Tesauro and Galperin, 1996).

    Each of the base policy's best `candidates` items is tried, then the base policy plays on for `horizon` steps; the item of the
    highest return is recommended. It knows the hidden state but not the luck: clicks count by their probability (one sampled future
    made it worse than its base, because it chose what that future happened to favour).

    Args:
        model: the world.
        base: the base policy.
        candidates: items tried for each user.
        horizon: steps played after each.
        shortlist: the base policy chooses among so many items that are best at the first step, for speed.
    """

    def __init__(
        self, model: Model, base: Greedy, candidates: int = 5, horizon: int = 12, shortlist: int = 400
    ) -> None:
        self.model, self.base = model, base
        self.unbored = Greedy(base.items, 0.0, base.quality_weight)
        num_items = len(base.items.vectors)
        self.candidates, self.shortlist = min(candidates, num_items), min(shortlist, num_items)
        self.horizon = horizon

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The item of the highest simulated return, for each user."""
        n = len(observation)
        scores = self.unbored.scores(observation)  # [n, num_items]
        shortlist = np.argpartition(-scores, self.shortlist - 1)[:, : self.shortlist]  # [n, shortlist]
        first = self._best(observation[:, None], shortlist)[:, 0]  # [n, candidates]
        returns = self._returns(np.repeat(observation, self.candidates, axis=0), first, shortlist)
        return first[np.arange(n), returns.argmax(axis=1)], state

    def _returns(self, observation: Floats, first: Ints, shortlist: Ints) -> Floats:
        """Simulated return of each candidate, [n, candidates]."""
        n, items = len(first), first.reshape(-1)  # [n * candidates]
        total, alive = np.zeros(len(items), np.float32), np.ones(len(items), np.float32)
        for _ in range(self.horizon + 1):
            observation, reward, goes_on = self.model.step(observation, items)
            total += alive * reward
            alive *= goes_on
            by_user = observation.reshape(n, self.candidates, -1)
            items = self._best(by_user, shortlist, count=1)[:, :, 0].reshape(-1)
        return total.reshape(n, self.candidates)

    def _best(self, observation: Floats, shortlist: Ints, count: int | None = None) -> Ints:
        """The base policy's best items of each user's shortlist, [n, copies, count], for observations [n, copies, size]."""
        scores = self.base.scores_of(observation, shortlist)  # [n, copies, shortlist]
        if count == 1:
            best = scores.argmax(axis=2)[:, :, None]
        else:
            best = np.argpartition(-scores, self.candidates - 1)[:, :, : self.candidates]
        return np.take_along_axis(shortlist[:, None], best, axis=2)
