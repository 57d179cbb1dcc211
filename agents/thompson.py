"""Thompson sampling on language vectors: the bandit that believes something else at every step."""

from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from recloop.agents.linear import LinearPolicy
from recloop.agents.online import OnlineLearner, refuse_others
from recloop.agents.policy import ItemSpace
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.says import check_says


class ThompsonPolicy(LinearPolicy):
    """Explores by acting on a belief that is drawn for every user at every step

        theta_u ~ Normal(theta, spread^2 * A^-1)        score[a] = x' theta_u

    Args:
        spread: v of the paper, in units of reward.
        arguments: those of `LinearPolicy`.
    """

    def __init__(self, *arguments: Any, spread: float, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.spread = spread

    def beliefs(self, n: int) -> Tensor:
        """Draws [n, 2 * dim + 4]: with A = L L', L'^-1 noise has the covariance A^-1."""
        noise = torch.randn(self.size, n, dtype=torch.float64, device=self.precision.device)
        drawn: Tensor = torch.linalg.solve_triangular(self.factor.T, noise, upper=True).T  # [n, 2 * dim + 4]
        return self.theta + self.spread * drawn.float()

    def optimistic(self, state: Tensor, table: Tensor, bored: Tensor) -> Tensor:
        """The means [n, k] under beliefs drawn."""
        return self.means(self.beliefs(len(state)), state, table, bored)


@dataclass(frozen=True)
class ThompsonAgent:
    """Linear Thompson sampling (Agrawal and Goyal, 2013) with one model for all items, see `LinearPolicy`.

    In training each user is served by a belief drawn for them, evaluated all by the mean.

    Args:
        num_envs: users served at once.
        rollout_steps: steps of each user between updates of the model.
        spread: how far beliefs are drawn from the mean, in units of reward.
        ridge: weight of the prior, in observations.
    """

    num_envs: int = 64
    rollout_steps: int = 4
    spread: float = 0.2
    ridge: float = 1.0

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        check_ranges(
            self, num_envs=(1, ENDLESS), rollout_steps=(1, ENDLESS), spread=(0, ENDLESS), ridge=(ABOVE_0, ENDLESS)
        )

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "Thompson sampling"

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, "item", repeats=repeats)

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> OnlineLearner:
        """The model, ready to learn.

        Raises:
            ValueError: it is asked for slates, or for vectors.
        """
        refuse_others(self.name, items)
        return OnlineLearner(
            ThompsonPolicy,
            env,
            rollout_steps=self.rollout_steps,
            buffer_steps=0,
            policy_kwargs={"items": items, "spread": self.spread, "ridge": self.ridge},
            seed=seed,
            device=device,
        )
