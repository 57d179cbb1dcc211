"""LinUCB on language vectors: the bandit that recommends what might be best."""

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


class LinUCBPolicy(LinearPolicy):
    """Explores by an upper confidence bound

        score[a] = x' theta + confidence * sqrt(x' A^-1 x)

    of the items whose expected rewards are highest: a bound costs dim times what an expectation does.

    Args:
        confidence: alpha of the paper, in units of reward.
        explore_best: so many items.
        arguments: those of `LinearPolicy`.
    """

    def __init__(self, *arguments: Any, confidence: float, explore_best: int, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.confidence, self.explore_best = confidence, explore_best

    def optimistic(self, state: Tensor, table: Tensor, bored: Tensor) -> Tensor:
        """The bounds [n, k]; minus infinity where none is computed."""
        means = self.means(self.theta, state, table, bored)
        few = min(self.explore_best + self.closed, means.shape[1])  # some of the best may not be shown again
        best = means.topk(few, dim=1)  # [n, few] values and indices
        rows = table[best.indices] if table.dim() == 2 else table.take_along_dim(best.indices[:, :, None], dim=1)
        bounds = best.values + self.confidence * self.deviations(state, rows, bored.gather(1, best.indices))
        return torch.full_like(means, -torch.inf).scatter(1, best.indices, bounds)


@dataclass(frozen=True)
class LinUCBAgent:
    """LinUCB (Li et al., 2010) with one linear model for all items, see `LinearPolicy`.

    In training it recommends the item of the highest bound, evaluated that of the highest expected reward.

    Args:
        num_envs: users served at once.
        rollout_steps: steps of each user between updates of the model.
        confidence: weight of what is not known yet, in units of reward.
        ridge: weight of the prior, in observations.
        explore_best: items of the highest expected reward whose bounds are computed.
    """

    num_envs: int = 64
    rollout_steps: int = 4
    confidence: float = 0.2
    ridge: float = 1.0
    explore_best: int = 50

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        check_ranges(
            self,
            num_envs=(1, ENDLESS),
            rollout_steps=(1, ENDLESS),
            confidence=(0, ENDLESS),
            ridge=(ABOVE_0, ENDLESS),
            explore_best=(1, ENDLESS),
        )

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "LinUCB"

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
            LinUCBPolicy,
            env,
            rollout_steps=self.rollout_steps,
            buffer_steps=0,
            policy_kwargs={
                "items": items,
                "confidence": self.confidence,
                "ridge": self.ridge,
                "explore_best": self.explore_best,
            },
            seed=seed,
            device=device,
        )
