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
from recloop.agents.proximal import Proximal
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
class ProtoPPOAgent(Proximal):
    """Proximal policy optimisation (Schulman et al., 2017) of a vector in item space.

    Args:
        settings: those of `Proximal`, first.
        noise: initial length of the noise beside a query of length one.
        scales: initial weights of similarity and boredom.
    """

    batch_size: int = 256
    noise: float = 0.3
    scales: tuple[float, float] = (25.0, 10.0)

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_ranges(self, noise=(ABOVE_0, ENDLESS), scales=(ABOVE_0, ENDLESS))

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
            **self.settings,
            seed=seed,
            device=device,
        )
