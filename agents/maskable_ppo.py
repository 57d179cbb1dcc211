"""MaskablePPO of sb3-contrib with the item-vector head: the environment says what may be recommended."""

from dataclasses import dataclass
from typing import Any

from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env import VecEnv

from recloop.agents.policy import ItemSpace, readable
from recloop.agents.ppo import ReadingCritic, put_item_actor
from recloop.agents.proximal import Proximal, Watched
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
    is masked. `PPOAgent` masks the same, as observed, and is quicker on large catalogs, since it keeps no masks.

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
            **self.settings,
            seed=seed,
            device=device,
        )
