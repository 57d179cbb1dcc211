"""What every agent that learns by proximal policy optimisation has in common."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from recloop.agents.finite import refuse_loss
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges


class Watched(OnPolicyAlgorithm):
    """Stops at the update whose loss is no number."""

    def train(self) -> None:
        """Update the policy from the rollout.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        try:
            super().train()
        except ValueError:  # of torch's Categorical, in the middle of an update
            if all(torch.isfinite(values).all() for values in self.policy.parameters()):
                raise
            refuse_loss(math.nan, self._n_updates)
        refuse_loss(self.logger.name_to_value["train/loss"], self._n_updates)


@dataclass(frozen=True)
class Proximal:
    """Hyperparameters of proximal policy optimisation (Schulman et al., 2017).

    Args:
        num_envs: users served at once.
        hidden: widths of the hidden layers of actor and critic.
        rollout_steps: steps of each user between updates.
        batch_size: samples of a gradient step.
        epochs: passes over a rollout.
        learning_rate: of Adam, falling linearly to 0.
        gamma: discount a step.
        gae_lambda: of the generalised advantage estimate.
        clip_range: of the probability ratio.
        entropy_weight: bonus for entropy.
        max_grad_norm: gradients are clipped to this norm.
    """

    num_envs: int = 64
    hidden: tuple[int, ...] = (128, 128)
    rollout_steps: int = 32
    batch_size: int = 1024
    epochs: int = 4
    learning_rate: float = 7e-4
    gamma: float = 0.98
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy_weight: float = 0.0
    max_grad_norm: float = 0.5

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        check_ranges(
            self,
            num_envs=(1, ENDLESS),
            hidden=(1, ENDLESS),
            rollout_steps=(2, ENDLESS),
            batch_size=(2, ENDLESS),
            epochs=(1, ENDLESS),
            learning_rate=(ABOVE_0, 1),
            gamma=(0, 1),
            gae_lambda=(0, 1),
            clip_range=(ABOVE_0, 1),
            entropy_weight=(0, ENDLESS),
            max_grad_norm=(ABOVE_0, ENDLESS),
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of the learner."""
        return {
            "n_steps": self.rollout_steps,
            "batch_size": self.batch_size,
            "n_epochs": self.epochs,
            "learning_rate": lambda remaining: self.learning_rate * remaining,
            "gamma": self.gamma,
            "gae_lambda": self.gae_lambda,
            "clip_range": self.clip_range,
            "ent_coef": self.entropy_weight,
            "max_grad_norm": self.max_grad_norm,
        }
