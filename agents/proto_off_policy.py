"""What SAC, TD3 and TQC have in common where an action is a vector in item space."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from recloop.agents.features import reading
from recloop.agents.finite import refuse_loss
from recloop.agents.nearest import Nearest
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.query import Query, spread
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.replay import Replay
from recloop.agents.says import check_says
from recloop.agents.worth import Worth


class ProtoPolicy(BasePolicy):
    """Says the vector of an item: one of those nearest to what the actor says, see `Nearest`.

    Args:
        items: what is known of the items.
        hidden: widths of the hidden layers of actor and critics.
        scales: initial weights of similarity and boredom, in critics and actor.
        noise: length of the exploration noise beside a query of length one.
        nearest: items among which the critics choose.
        arguments: of stable-baselines3's policy.
    """

    actor: Any
    critic: Any

    def __init__(
        self,
        *arguments: Any,
        items: ItemSpace,
        hidden: list[int],
        scales: tuple[float, float],
        noise: float,
        nearest: int,
        **keywords: Any,
    ) -> None:
        self.layout, self.hidden, self.scales, self.noise = items.layout, hidden, scales, noise
        self.nearest = Nearest(items, nearest)
        arch: dict[str, Any] = {"net_arch": {"pi": [], "qf": []}}  # `actor_of` and `critic_of` make the networks
        super().__init__(*arguments, **{**keywords, **reading(items.layout), **arch})

    def actor_of(self, actor: Any, *, squashed: bool) -> Any:
        """`actor` with a `Query` for its mean, and noise of its own where a hyperbolic tangent follows."""
        if squashed:
            spread(actor.log_std, self.noise)
        similarity, boredom = self.scales
        scales = 1.0, boredom / similarity
        actor.mu = Query(self.layout, actor.features_dim, self.hidden, scales, squashed=squashed)
        return actor.to(self.device)

    def critic_of(self, critic: Any, outputs: int = 1) -> Any:
        """`critic` with a `Worth` for each of its networks."""
        size = critic.features_extractor.features_dim
        critic.q_networks = [Worth(self.layout, size, self.hidden, self.scales, outputs) for _ in critic.q_networks]
        for index, network in enumerate(critic.q_networks):
            setattr(critic, f"qf{index}", network)
        return critic.to(self.device)

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        assert isinstance(observation, Tensor)
        return self.nearest(observation, self.proto(observation, deterministic), self.worth)

    def proto(self, observation: Tensor, deterministic: bool) -> Tensor:
        """What the actor says, [n, dim]."""
        said: Tensor = self.actor(observation, deterministic)
        return said

    def worth(self, observation: Tensor, actions: Tensor) -> Tensor:
        """What the critics agree that `actions` [n, dim] are worth, [n]."""
        return torch.cat(self.critic(observation, actions), dim=1).amin(dim=1)


class ProtoLearner(OffPolicyAlgorithm):
    """Learns from what was shown: the replay holds the vectors of items, and not what the actor said.

    What comes at once is learned from rewards, in as many gradient steps again.
    """

    policy: Any  # a `ProtoPolicy`
    replay_buffer: Replay

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[Floats, Floats]:
        assert isinstance(self._last_obs, np.ndarray)
        with torch.no_grad():
            said = self.policy._predict(self.policy.obs_to_tensor(self._last_obs)[0])
        actions: Floats = said.cpu().numpy()
        return actions, actions

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Gradient steps on what is replayed.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        try:
            super().train(gradient_steps, batch_size)
        except ValueError:  # of torch's Normal, in the middle of an update
            if all(torch.isfinite(values).all() for values in self.policy.parameters()):
                raise
            refuse_loss(math.nan, self._n_updates)
        for name in ("train/critic_loss", "train/actor_loss"):
            refuse_loss(self.logger.name_to_value.get(name, 0.0), self._n_updates)
        self._learn_at_once(gradient_steps, batch_size)

    def _learn_at_once(self, gradient_steps: int, batch_size: int) -> None:
        """Huber loss of the rewards that the critics expect at once."""
        critic = self.policy.critic
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size)
            inputs = torch.cat([critic.features_extractor(batch.observations), batch.actions], dim=1)
            expected = torch.cat([worth.at_once(inputs) for worth in critic.q_networks], dim=1)  # [batch, critics]
            loss = smooth_l1_loss(expected, batch.first_rewards[:, None].expand_as(expected))
            critic.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            critic.optimizer.step()


@dataclass(frozen=True)
class ProtoAgent:
    """An off-policy learner with an actor in item space and critics that value the vectors of items.

    Args:
        num_envs: users served at once.
        hidden: widths of the hidden layers of actor and critics.
        buffer_steps: transitions kept for replay.
        learning_starts: transitions before the first gradient step.
        batch_size: samples of a gradient step.
        replay_ratio: samples replayed for each recommendation.
        learning_rate: of Adam, falling linearly to 0.
        gamma: discount a step.
        n_steps: steps until the return is bootstrapped.
        target_rate: of the way that target networks go at each gradient step.
        noise: length of the exploration noise beside a query of length one.
        nearest: items nearest to what the actor says, among which the critics choose; 1 for no choice.
        scales: initial weights of similarity and boredom.
    """

    num_envs: int = 64
    hidden: tuple[int, ...] = (128, 128)
    buffer_steps: int = 100_000
    learning_starts: int = 1000
    batch_size: int = 256
    replay_ratio: float = 16.0
    learning_rate: float = 3e-3
    gamma: float = 0.95
    n_steps: int = 3
    target_rate: float = 0.01
    noise: float = 0.5
    nearest: int = 10
    scales: tuple[float, float] = (10.0, 4.0)

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        check_ranges(
            self,
            num_envs=(1, ENDLESS),
            hidden=(1, ENDLESS),
            buffer_steps=(1, ENDLESS),
            learning_starts=(0, ENDLESS),
            batch_size=(2, ENDLESS),
            replay_ratio=(ABOVE_0, ENDLESS),
            learning_rate=(ABOVE_0, 1),
            gamma=(0, 1),
            n_steps=(1, ENDLESS),
            target_rate=(ABOVE_0, 1),
            noise=(ABOVE_0, ENDLESS),
            nearest=(1, ENDLESS),
            scales=(ABOVE_0, ENDLESS),
        )

    @property
    @abstractmethod
    def name(self) -> str:
        """What the agent is called in tables."""

    @abstractmethod
    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> OffPolicyAlgorithm:
        """The stable-baselines3 model, ready to learn."""

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, "item", ["proto"], repeats=repeats)

    def policy_arguments(self, items: ItemSpace) -> dict[str, Any]:
        """Those of `ProtoPolicy`."""
        chosen = {"items": items, "hidden": list(self.hidden), "scales": self.scales}
        return {**chosen, "noise": self.noise, "nearest": self.nearest}

    def arguments(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> dict[str, Any]:
        """Those that all learners of stable-baselines3 take.

        Raises:
            ValueError: the actions are others than it can take.
        """
        self.check_says(items.says, repeats=items.repeats)
        return {
            "env": env,
            "buffer_size": self.buffer_steps,
            "learning_starts": self.learning_starts,
            "batch_size": self.batch_size,
            "train_freq": 1,
            "gradient_steps": max(1, round(env.num_envs * self.replay_ratio / self.batch_size)),
            "learning_rate": lambda remaining: self.learning_rate * remaining,
            "gamma": self.gamma,
            "replay_buffer_class": Replay,
            "replay_buffer_kwargs": {"n_steps": self.n_steps, "gamma": self.gamma},
            "tau": self.target_rate,
            "seed": seed,
            "device": device,
        }
