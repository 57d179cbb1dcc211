"""SAC of stable-baselines3 in item space."""

from dataclasses import dataclass
from typing import Any

from stable_baselines3 import SAC
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.sac.policies import Actor, SACPolicy

from recloop.agents.policy import ItemSpace
from recloop.agents.proto_off_policy import ProtoAgent, ProtoLearner, ProtoPolicy
from recloop.agents.query import entropy
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges


class ProtoSACPolicy(ProtoPolicy, SACPolicy):
    """SAC's actor around a `Query`, its critics `Worth`."""

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """The actor, whose noise is learned."""
        made: Actor = self.actor_of(super().make_actor(features_extractor), squashed=True)
        return made

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> ContinuousCritic:
        """Two critics."""
        made: ContinuousCritic = self.critic_of(super().make_critic(features_extractor))
        return made


class ProtoSAC(ProtoLearner, SAC):
    """SAC that learns from what was shown."""


@dataclass(frozen=True)
class ProtoSACAgent(ProtoAgent):
    """Soft actor-critic (Haarnoja et al., 2018): the noise is learned, so that its entropy stays where it begins.

    Args:
        entropy_weight: initial weight of the entropy, learned afterwards.
    """

    entropy_weight: float = 0.001

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_ranges(self, entropy_weight=(ABOVE_0, ENDLESS))

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "SAC, proto"

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> ProtoSAC:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: the actions are others than it can take.
        """
        arguments: dict[str, Any] = self.arguments(env, items, seed, device)
        return ProtoSAC(
            ProtoSACPolicy,
            **arguments,
            policy_kwargs=self.policy_arguments(items),
            ent_coef=f"auto_{self.entropy_weight}",
            target_entropy=entropy(self.noise, items.vectors.shape[1]),
        )
