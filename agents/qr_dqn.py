"""QR-DQN: how returns are distributed, and not only what they are on average."""

from dataclasses import dataclass
from typing import Any

from sb3_contrib.common.utils import quantile_huber_loss
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import QNetwork
from torch import Tensor
from torch.nn import functional

from recloop.agents.dqn import BatchedDQN, DQNAgent, ItemDQNPolicy, ItemQNetwork
from recloop.agents.networks import ItemHead
from recloop.agents.policy import ItemSpace
from recloop.agents.ranges import ENDLESS, check_ranges
from recloop.agents.replay import Replayed


class QuantileNetwork(ItemQNetwork):
    """quantile_j(s, a) = value of the item + spread_j(s): the item head, and quantiles of the state's outputs.

    What is uncertain is above all how long a user stays, which is of the state; so all items share the spread, and the
    best item is the same for each quantile.
    """

    def __init__(self, *args: Any, items: ItemSpace, quantiles: int, **kwargs: Any) -> None:
        super().__init__(*args, items=items, **kwargs)
        self.head = ItemHead(items, self.features_dim, kwargs["hidden"], kwargs["scales"], extra=quantiles)

    def quantiles(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor]:
        """What the actions [n, 1] are worth at once [n, 1], and quantiles [n, quantiles] of the rest of the return."""
        at_once, later, spread = self.outputs(obs, actions)
        return at_once, later + spread


class QuantilePolicy(ItemDQNPolicy):
    """DQN's policy with `QuantileNetwork`."""

    def __init__(self, *args: Any, quantiles: int, **kwargs: Any) -> None:
        self.num_quantiles = quantiles
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> QNetwork:
        """Online and target network."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return QuantileNetwork(**arguments, **self.head, quantiles=self.num_quantiles).to(self.device)


class QuantileDQN(BatchedDQN):
    """DQN that learns quantiles of the return (Dabney et al., 2018), the rest as in `BatchedDQN`.

    The loss is the quantile Huber loss between each quantile and each of the target's

        rho_tau(u) = |tau - 1[u < 0]| * huber(u),    tau_j = (j + 1/2) / quantiles

    summed over the quantiles; the errors of quantiles weigh as that of one Q-value does.
    """

    q_net: QuantileNetwork
    q_net_target: QuantileNetwork

    def _loss(self, batch: Replayed) -> Tensor:
        target = batch.rewards + (1 - batch.dones) * batch.discounts * self._following(batch)  # [batch, quantiles]
        at_once, later = self.q_net.quantiles(batch.observations, batch.actions)
        learned = functional.smooth_l1_loss(at_once, batch.first_rewards[:, None])
        error: Tensor = quantile_huber_loss(at_once.detach() + later, target, sum_over_quantiles=False)
        return error + learned

    def _value(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Quantiles [n, quantiles] of the target network."""
        at_once, later = self.q_net_target.quantiles(observations, actions)
        return at_once + later


@dataclass(frozen=True)
class QRDQNAgent(DQNAgent):
    """Distributional Q-learning by quantile regression (Dabney et al., 2018), with the item head.

    Args:
        quantiles: of the return.
        dqn: the arguments of `DQNAgent`.
    """

    quantiles: int = 25

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_ranges(self, quantiles=(1, ENDLESS))
        if self.head != "item":
            raise ValueError(f"head is {self.head!r}; QR-DQN has the item head alone, choose head=item")

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "QR-DQN"

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> QuantileDQN:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: it is asked for slates, or for actions that it cannot take.
        """
        self.check_says(items.says, repeats=items.repeats)
        if items.slate > 1:
            raise ValueError(f"QR-DQN recommends one item at once, and not {items.slate}; choose agent=slate_q")
        return QuantileDQN(QuantilePolicy, env, **self.arguments(items, env.num_envs), seed=seed, device=device)

    def arguments(self, items: ItemSpace, num_envs: int) -> dict[str, Any]:
        """Those of `QuantileDQN`, for these items and so many users."""
        arguments = super().arguments(items, num_envs)
        arguments["policy_kwargs"]["quantiles"] = self.quantiles
        return arguments
