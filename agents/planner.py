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

    Each of the base policy's best `candidates` items is tried, then the base policy plays on for `horizon` steps; the
    item of the highest return is recommended. It knows the hidden state but not the luck: clicks count by their
    probability (one sampled future made it worse than its base, because it chose what that future happened to
    favour).

    Args:
        model: the world.
        base: the base policy.
        candidates: items tried for each user.
        horizon: steps played after each.
    """

    def __init__(self, model: Model, base: Greedy, candidates: int = 5, horizon: int = 12) -> None:
        self.model, self.base, self.horizon = model, base, horizon
        self.candidates = min(candidates, len(base.items.vectors))

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """The item of the highest simulated return, for each user."""
        scores = self.base.scores(observation)  # [n, num_items]
        first = np.argpartition(-scores, self.candidates - 1)[:, : self.candidates]  # [n, candidates]
        returns = self._returns(np.repeat(observation, self.candidates, axis=0), first.reshape(-1))
        best = returns.reshape(first.shape).argmax(axis=1)
        return first[np.arange(len(first)), best], state

    def _returns(self, observation: Floats, items: Ints) -> Floats:
        """Expected return of recommending `items` [m] and then playing on with the base policy, [m]."""
        total, alive = np.zeros(len(items), np.float32), np.ones(len(items), np.float32)
        for step in range(self.horizon + 1):
            if step:
                items, _ = self.base.predict(observation)
            observation, reward, goes_on = self.model.step(observation, items)
            total += alive * reward
            alive *= goes_on
        return total
