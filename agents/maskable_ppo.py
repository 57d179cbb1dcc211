"""MaskablePPO of sb3-contrib with the item-vector head: the environment says what may be recommended."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env import VecEnv

from recloop.agents.finite import refuse_loss
from recloop.agents.networks import ItemHead
from recloop.agents.policy import ItemSpace, readable
from recloop.agents.ppo import ItemLogits, ReadingCritic
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.says import check_says


class MaskableItemActorCritic(MaskableActorCriticPolicy):
    """The networks of `ItemActorCritic`, under masks.

    Evaluated, it is given no masks and needs none: the head reads off the observation what was shown.
    """

    def __init__(
        self,
        *args: Any,
        items: ItemSpace,
        hidden: list[int],
        scales: tuple[float, ...],
        temperature: float,
        **kwargs: Any,
    ) -> None:
        self.items, self.hidden, self.scales, self.temperature = items, hidden, scales, temperature
        super().__init__(*args, **{**kwargs, "net_arch": {"pi": [], "vf": hidden}})

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        head = ItemHead(self.items, readable(self.items.layout), self.hidden, self.scales)
        self.action_net = ItemLogits(head, self.items, self.temperature)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = ReadingCritic(
            readable(self.items.layout), self.net_arch, self.activation_fn, device=self.device
        )


class WatchedMaskablePPO(MaskablePPO):
    """MaskablePPO that stops at the update whose loss is no number."""

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
class MaskablePPOAgent:
    """PPO with invalid actions masked (Huang and Ontañón, 2022), as sb3-contrib has it.

    The masks are the environment's own, `action_masks`: with `env.action.repeats=false` what was shown in the session
    is masked. `PPOAgent` masks the same, as observed, and is quicker on large catalogs, since it keeps no masks.

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
        scales: initial weights of similarity, boredom and quality in the item head.
        temperature: initial temperature of the policy over the head's values.
    """

    num_envs: int = 16
    hidden: tuple[int, ...] = (128, 128)
    rollout_steps: int = 16
    batch_size: int = 256
    epochs: int = 4
    learning_rate: float = 7e-4
    gamma: float = 0.98
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy_weight: float = 0.0
    max_grad_norm: float = 0.5
    scales: tuple[float, float, float] = (25.0, 10.0, 1.0)
    temperature: float = 0.04

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
            scales=(ABOVE_0, ENDLESS),
            temperature=(ABOVE_0, ENDLESS),
        )

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "MaskablePPO"

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, "item", repeats=repeats)

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> WatchedMaskablePPO:
        """The sb3-contrib model, ready to learn.

        Raises:
            ValueError: it is asked for slates, whose items its masks cannot keep apart, or for vectors.
        """
        self.check_says(items.says, repeats=items.repeats)
        if items.slate > 1:
            raise ValueError(f"MaskablePPO recommends one item at once, and not {items.slate}; choose agent=ppo")
        return WatchedMaskablePPO(
            MaskableItemActorCritic,
            env,
            policy_kwargs={
                "items": items,
                "hidden": list(self.hidden),
                "scales": self.scales,
                "temperature": self.temperature,
            },
            n_steps=self.rollout_steps,
            batch_size=self.batch_size,
            n_epochs=self.epochs,
            learning_rate=lambda remaining: self.learning_rate * remaining,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            clip_range=self.clip_range,
            ent_coef=self.entropy_weight,
            max_grad_norm=self.max_grad_norm,
            seed=seed,
            device=device,
        )
