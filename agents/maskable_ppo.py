"""MaskablePPO of sb3-contrib with the item-vector head: the environment says what may be recommended."""

import math
from dataclasses import dataclass
from typing import Any, Self

import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.distributions import MaskableCategoricalDistribution, MaskableDistribution, MaybeMasks
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn

from recloop.agents.policy import ItemSpace, readable
from recloop.agents.ppo import ReadingCritic, put_item_actor
from recloop.agents.proximal import Proximal, Watched
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.says import check_says
from recloop.agents.slates import PlackettLuce


class MaskableItems(MaskableCategoricalDistribution):
    """One item, under masks."""

    def proba_distribution_net(self, latent_dim: int) -> nn.Module:
        """Nothing: the item head takes its place."""
        return nn.Identity()


class MaskableSlates(PlackettLuce, MaskableDistribution):
    """A slate of different items, under masks for each place of it."""

    masks: Tensor | None = None  # [n, slate, num_items]

    def proba_distribution(self, action_logits: Tensor) -> Self:
        """Take logits [n, num_items]; nothing is masked yet."""
        self.masks = None
        return super().proba_distribution(action_logits)

    def apply_masking(self, masks: MaybeMasks) -> None:
        """Leave out what `masks` [n, slate * num_items] do not allow."""
        allowed = torch.as_tensor(masks, dtype=torch.bool, device=self.logits.device)
        self.masks = allowed.reshape(len(self.logits), self.slate, -1)

    def _fitting(self, left: Tensor, position: int) -> Tensor:
        fitting = super()._fitting(left, position)
        return fitting if self.masks is None else fitting.masked_fill(~self.masks[:, position], -math.inf)


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
        items = self.items
        self.action_dist = MaskableItems(items.num_actions) if items.slate == 1 else MaskableSlates(items)
        super()._build(lr_schedule)
        put_item_actor(self, lr_schedule)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = ReadingCritic(
            readable(self.items.layout), self.net_arch, self.activation_fn, device=self.device
        )


class WatchedMaskablePPO(Watched, MaskablePPO):
    """MaskablePPO that stops at the update whose loss is no number."""


@dataclass(frozen=True)
class MaskablePPOAgent(Proximal):
    """PPO with invalid actions masked (Huang and Ontañón, 2022), as sb3-contrib has it.

    The masks are the environment's own, `action_masks`: with `env.action.repeats=false` what was shown in the session
    is masked, and with ads what may not stand in a place of the slate. `PPOAgent` masks the same, as observed, and is
    quicker on large catalogs, since it keeps no masks.

    Args:
        settings: those of `Proximal`, first.
        scales: initial weights of similarity, boredom and quality in the item head.
        temperature: initial temperature of the policy over the head's values.
    """

    num_envs: int = 16
    rollout_steps: int = 16
    batch_size: int = 256
    scales: tuple[float, float, float] = (25.0, 10.0, 1.0)
    temperature: float = 0.04

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_ranges(self, scales=(ABOVE_0, ENDLESS), temperature=(ABOVE_0, ENDLESS))

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
            ValueError: the actions are others than it can take.
        """
        self.check_says(items.says, repeats=items.repeats)
        return WatchedMaskablePPO(
            MaskableItemActorCritic,
            env,
            policy_kwargs={
                "items": items,
                "hidden": list(self.hidden),
                "scales": self.scales,
                "temperature": self.temperature,
            },
            **self.settings,
            seed=seed,
            device=device,
        )
