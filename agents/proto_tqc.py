"""TQC of sb3-contrib in item space."""

from dataclasses import dataclass
from typing import Any

from sb3_contrib import TQC
from sb3_contrib.tqc.policies import Actor, Critic, TQCPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from recloop.agents.policy import ItemSpace
from recloop.agents.proto_off_policy import ProtoAgent, ProtoLearner, ProtoPolicy
from recloop.agents.query import entropy
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges


class ProtoTQCPolicy(ProtoPolicy, TQCPolicy):
    """TQC's actor around a `Query`, its critics `Worth`."""

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """The actor, whose noise is learned."""
        made: Actor = self.actor_of(super().make_actor(features_extractor), squashed=True)
        return made

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> Critic:
        """The critics, each with its quantiles."""
        critic = super().make_critic(features_extractor)
        made: Critic = self.critic_of(critic, critic.n_quantiles)
        return made

    def worth(self, observation: Tensor, actions: Tensor) -> Tensor:
        """The mean of all quantiles, [n]."""
        worth: Tensor = self.critic(observation, actions).mean(dim=(1, 2))
        return worth


class ProtoTQC(ProtoLearner, TQC):
    """TQC that learns from what was shown."""


@dataclass(frozen=True)
class ProtoTQCAgent(ProtoAgent):
    """Truncated quantile critics (Kuznetsov et al., 2020): SAC whose targets leave out the highest quantiles.

    Args:
        entropy_weight: initial weight of the entropy, learned afterwards.
        quantiles: of the return, that each of the two critics tells.
        dropped_quantiles: of each critic, the highest, that targets leave out.
    """

    entropy_weight: float = 0.001
    quantiles: int = 25
    dropped_quantiles: int = 2

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_ranges(
            self, entropy_weight=(ABOVE_0, ENDLESS), quantiles=(1, ENDLESS), dropped_quantiles=(0, self.quantiles - 1)
        )

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "TQC, proto"

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> ProtoTQC:
        """The sb3-contrib model, ready to learn.

        Raises:
            ValueError: the actions are others than it can take.
        """
        arguments: dict[str, Any] = self.arguments(env, items, seed, device)
        return ProtoTQC(
            ProtoTQCPolicy,
            **arguments,
            policy_kwargs={**self.policy_arguments(items), "n_quantiles": self.quantiles},
            top_quantiles_to_drop_per_net=self.dropped_quantiles,
            ent_coef=f"auto_{self.entropy_weight}",
            target_entropy=entropy(self.noise, items.vectors.shape[1]),
        )
