"""PPO of stable-baselines3 in item space."""

import math
from dataclasses import dataclass
from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env import VecEnv

from recloop.agents.features import reading
from recloop.agents.policy import ItemSpace
from recloop.agents.ppo import WatchedPPO
from recloop.agents.query import Query, deviation
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.says import check_says


class ProtoActorCritic(ActorCriticPolicy):
    """A normal distribution around a `Query`, whose spread is learned; the critic is an MLP.

    Args:
        items: what is known of the items.
        hidden: widths of the hidden layers of actor and critic.
        scales: initial weights of similarity and boredom.
        noise: initial length of the noise beside a query of length one.
        arguments: of stable-baselines3's policy.
    """

    def __init__(
        self,
        *arguments: Any,
        items: ItemSpace,
        hidden: list[int],
        scales: tuple[float, float],
        noise: float,
        **keywords: Any,
    ) -> None:
        self.layout, self.hidden, self.scales = items.layout, hidden, scales
        own = {
            "net_arch": {"pi": [], "vf": hidden},
            "log_std_init": math.log(deviation(noise, items.vectors.shape[1])),
        }
        super().__init__(*arguments, **{**keywords, **reading(items.layout), **own})

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        scales = 1.0, self.scales[1] / self.scales[0]
        self.action_net = Query(self.layout, self.features_dim, self.hidden, scales, squashed=False)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]


@dataclass(frozen=True)
class ProtoPPOAgent:
    """Proximal policy optimisation (Schulman et al., 2017) of a vector in item space.

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
        noise: initial length of the noise beside a query of length one.
        scales: initial weights of similarity and boredom.
    """

    num_envs: int = 64
    hidden: tuple[int, ...] = (128, 128)
    rollout_steps: int = 32
    batch_size: int = 256
    epochs: int = 4
    learning_rate: float = 7e-4
    gamma: float = 0.98
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy_weight: float = 0.0
    max_grad_norm: float = 0.5
    noise: float = 0.3
    scales: tuple[float, float] = (25.0, 10.0)

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
            noise=(ABOVE_0, ENDLESS),
            scales=(ABOVE_0, ENDLESS),
        )

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "PPO, proto"

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, "item", ["proto"], repeats=repeats)

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> WatchedPPO:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: the actions are others than it can take.
        """
        self.check_says(items.says, repeats=items.repeats)
        head = {"items": items, "hidden": list(self.hidden), "scales": self.scales, "noise": self.noise}
        return WatchedPPO(
            ProtoActorCritic,
            env,
            policy_kwargs=head,
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
