"""TD3 of stable-baselines3 in item space."""

from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3 import TD3
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.td3.policies import Actor, TD3Policy
from torch import Tensor

from recloop.agents.policy import ItemSpace
from recloop.agents.proto_off_policy import ProtoAgent, ProtoLearner, ProtoPolicy
from recloop.agents.query import deviation
from recloop.agents.ranges import ENDLESS, check_ranges


class ProtoTD3Policy(ProtoPolicy, TD3Policy):
    """TD3's actor is a `Query`, its critics `Worth`."""

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """The actor, without noise."""
        made: Actor = self.actor_of(super().make_actor(features_extractor), squashed=False)
        return made

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> ContinuousCritic:
        """Two critics."""
        made: ContinuousCritic = self.critic_of(super().make_critic(features_extractor))
        return made

    def proto(self, observation: Tensor, deterministic: bool) -> Tensor:
        """What the actor says, [n, dim], with noise where it explores."""
        said: Tensor = self.actor(observation)
        return said if deterministic else said + deviation(self.noise, said.shape[1]) * torch.randn_like(said)


class ProtoTD3(ProtoLearner, TD3):
    """TD3 that learns from what was shown."""


@dataclass(frozen=True)
class ProtoTD3Agent(ProtoAgent):
    """Twin delayed deterministic policy gradient (Fujimoto et al., 2018), with as much noise in targets as explores.

    Args:
        actor_delay: gradient steps of the critics for one of the actor.
    """

    noise: float = 1.0
    actor_delay: int = 2

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_ranges(self, actor_delay=(1, ENDLESS))

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "TD3, proto"

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> ProtoTD3:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: the actions are others than it can take.
        """
        arguments: dict[str, Any] = self.arguments(env, items, seed, device)
        noise = deviation(self.noise, items.vectors.shape[1])
        return ProtoTD3(
            ProtoTD3Policy,
            **arguments,
            policy_kwargs=self.policy_arguments(items),
            policy_delay=self.actor_delay,
            target_policy_noise=noise,
            target_noise_clip=2 * noise,
        )
