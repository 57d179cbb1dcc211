"""What a rollout has to teach a state that learns from answers."""

from typing import NamedTuple, Self

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from torch.optim import Optimizer

from recloop.agents.learned_state import LearnedState
from recloop.agents.offers import Offers
from recloop.agents.policy import Bools, Floats, Ints

PASSES = 4
"""Over the answers of a rollout."""


class RolloutAnswers(NamedTuple):
    """The steps of a rollout after which the session went on, in any order.

    The others are left out: stable-baselines3 adds to the rewards of sessions cut off what might have come.
    """

    observations: Floats  # [steps, size]
    actions: Ints  # [steps]
    rewards: Floats  # [steps]
    offers: Offers

    @classmethod
    def of(cls, rollout: RolloutBuffer, starts: Bools, offers: Offers) -> Self:
        """Those of a rollout that PPO has learned from already, and flattened, users outermost.

        Args:
            rollout: the buffer.
            starts: whether a session starts behind the last step, [num_envs].
            offers: what actions mean.
        """
        follows = np.concatenate([rollout.episode_starts[1:], starts[None]]).T.ravel()  # [num_envs * rollout_steps]
        kept = np.flatnonzero(follows == 0)
        actions = rollout.actions.reshape(len(follows))[kept].astype(np.int64)
        return cls(rollout.observations[kept], actions, rollout.rewards.T.ravel()[kept], offers)

    def fit(self, state: LearnedState, optimizer: Optimizer, batch_size: int) -> float:
        """Gradient steps in random order; their mean surprise."""
        # numpy's global stream is the one that stable-baselines3 seeds and draws its batches from
        orders = [np.random.permutation(len(self.actions)) for _ in range(PASSES)]  # noqa: NPY002
        batches = [order[begin : begin + batch_size] for order in orders for begin in range(0, len(order), batch_size)]
        return float(np.mean([self._step(state, optimizer, rows) for rows in batches])) if len(self.actions) else 0.0

    def _step(self, state: LearnedState, optimizer: Optimizer, rows: Ints) -> float:
        device = state.vectors.device
        seen, actions, rewards = (
            torch.as_tensor(values[rows], device=device) for values in (self.observations, self.actions, self.rewards)
        )
        loss = state.surprise(seen, self.offers.items(seen, actions), rewards)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())
