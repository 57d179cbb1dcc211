"""SlateQ: Q-learning of slates by what each item is worth when it is clicked."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor, nn
from torch.nn import functional

from recloop.agents.dqn import BatchedDQN, DQNAgent
from recloop.agents.networks import ItemHead
from recloop.agents.offers import MASKED, Offers
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.replay import Replay, Replayed

_ROUNDS = 3
"""How often the price of attention is found anew; more change nothing."""

_MOST = 20.0
"""Log odds above which an item attracts no more, so that their exponentials stay finite."""


class Values(NamedTuple):
    """What slates are made of, for k items each."""

    attraction: Tensor  # [n, k] exp(score), that of clicking nothing being 1
    clicked: Tensor  # [n, k] worth of a click on the item: reward, and all that comes later
    nothing: Tensor  # [n, 1] worth of no click

    def of(self, chosen: Tensor) -> "Values":
        """Those of the items at the positions `chosen` [n, slate]."""
        return Values(self.attraction.gather(1, chosen), self.clicked.gather(1, chosen), self.nothing)

    @property
    def total(self) -> Tensor:
        """Q(s, slate) = (nothing + sum_i attraction_i * clicked_i) / (1 + sum_i attraction_i), [n, 1]."""
        worth = self.nothing + (self.attraction * self.clicked).sum(dim=1, keepdim=True)
        return worth / (1 + self.attraction.sum(dim=1, keepdim=True))

    def gains(self, price: Tensor) -> Tensor:
        """What each item adds to a slate where attention is worth `price` [n, 1], [n, k]."""
        return self.attraction * (self.clicked - price)


def best_slates(values: Values, slate: int, fits: Tensor | None = None) -> Tensor:
    """Positions [n, slate] among the k items of the slates of the highest Q(s, slate), best first.

    A ratio of sums is largest where the sum of attraction_i * (clicked_i - price) is, with the ratio itself as price:
    so the items of the highest gains are taken, the price found anew, and again (Dinkelbach, 1967). This is exact where
    any item may stand anywhere. With `fits` [slate, k] each place, from the top, gets the best item left that fits.
    """
    price = values.nothing
    for _ in range(_ROUNDS):
        chosen = first(values.gains(price), slate, fits)
        price = values.of(chosen).total
    return chosen


def first(keys: Tensor, slate: int, fits: Tensor | None = None) -> Tensor:
    """Positions [n, slate] of the highest keys [n, k], best first; with `fits` [slate, k] place by place."""
    if fits is None:
        return keys.topk(slate, dim=1).indices
    places = []
    for fit in fits:
        places.append(keys.masked_fill(~fit, -torch.inf).argmax(dim=1, keepdim=True))  # [n, 1]
        keys = keys.scatter(1, places[-1], -torch.inf)
    return torch.cat(places, dim=1)


class SlateQNetwork(BasePolicy):
    """Q(s, slate) = sum over the outcomes o, a click on one item or none, of P(o | s, slate) * Q(s, o).

        P(i | s, slate) = exp(score_i + place_i) / (1 + sum_j exp(score_j + place_j))       the item head's click model
        Q(s, i)         = worth_i + later_i + V_click(s),      Q(s, none) = V_none(s)

    `place` is the pull of each place of a slate, `worth` the reward of a click, linear in the item's vector.
    """

    def __init__(
        self,
        *args: Any,
        features_dim: int,
        net_arch: list[int],
        activation_fn: type[nn.Module],
        items: ItemSpace,
        hidden: list[int],
        scales: tuple[float, ...],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.slate, self.head = items.slate, ItemHead(items, features_dim, hidden, scales, extra=2)
        self.offers = Offers(items)
        self.places = nn.Parameter(torch.zeros(items.slate))
        self.worth = nn.Linear(items.vectors.shape[1], 1)
        nn.init.zeros_(self.worth.weight)
        nn.init.ones_(self.worth.bias)
        self.fits: Tensor | None
        self.register_buffer("fits", None if items.slots is None else torch.as_tensor(items.slots), persistent=False)

    def values(self, obs: PyTorchObs) -> Values:
        """Of all actions, k of them."""
        assert isinstance(obs, Tensor)
        candidates = self.offers.candidates(obs)
        if candidates is not None:
            return self.values_of(obs, torch.arange(candidates.shape[1], device=obs.device).expand_as(candidates))
        score, later, ahead = self.head.apart(self.extract_features(obs, self.features_extractor))
        clicked = self.worth(self.head.vectors)[:, 0] + later + ahead[:, :1]
        return _values(score, self.offers.open(clicked, obs), ahead)

    def values_of(self, obs: Tensor, actions: Tensor) -> Values:
        """Of some actions [n, k]."""
        score, worth, later, ahead = self.parts(obs, actions)
        return _values(score, self.offers.open_among(worth + later + ahead[:, :1], obs, actions), ahead)

    def parts(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Scores, rewards of a click and worth later of some actions, [n, k] each, and (V_click, V_none) [n, 2]."""
        items = self.offers.items(obs, actions)
        score, later, ahead = self.head.apart_of(self.extract_features(obs, self.features_extractor), items)
        return score, self.worth(functional.embedding(items, self.head.vectors))[:, :, 0], later, ahead

    def forward(self, obs: PyTorchObs) -> Tensor:
        """The best slates, [n, slate]."""
        return best_slates(self.values(obs), self.slate, self.fits)

    def _predict(self, observation: PyTorchObs, deterministic: bool = True) -> Tensor:
        slates: Tensor = self(observation)
        return slates


def _values(score: Tensor, clicked: Tensor, ahead: Tensor) -> Values:
    """What may not be shown has an attraction of 1, so that its gain is far below any other."""
    attraction = score.clamp(max=_MOST).exp()
    return Values(attraction.masked_fill(clicked <= MASKED / 2, 1.0), clicked, ahead[:, 1:])


class SlateQPolicy(DQNPolicy):
    """DQN's policy with `SlateQNetwork`."""

    def __init__(
        self, *args: Any, items: ItemSpace, hidden: list[int], scales: tuple[float, ...], **kwargs: Any
    ) -> None:
        self.head: dict[str, Any] = {"items": items, "hidden": hidden, "scales": scales}
        super().__init__(*args, **{**kwargs, "net_arch": []})

    def make_q_net(self) -> SlateQNetwork:  # type: ignore[override]
        """Online and target network."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return SlateQNetwork(**arguments, **self.head).to(self.device)


class SlateQ(BatchedDQN):
    """Q-learning of slates (Ie et al., 2019).

    Three things are learned: the click model from what was clicked, by cross-entropy; the click model and what a click
    is worth from rewards, which in expectation are sum_i P(i | s, slate) * worth_i; and what comes after an outcome, by
    the temporal difference of the outcome that came about

        later_o -> the return less its first reward + gamma^n * max over slates of Q_target(s', slate)

    The best slate is found by the online network and valued by the target network. Where several items were clicked
    they share the outcome.

    Args:
        arguments: those of `BatchedDQN`.
    """

    q_net: SlateQNetwork  # type: ignore[assignment]
    q_net_target: SlateQNetwork  # type: ignore[assignment]

    def __init__(
        self,
        policy: type[SlateQPolicy],
        env: VecEnv,
        *,
        explore_best: int,
        shortlist: int,
        target_update_interval: int,
        exploration_initial_eps: float,
        exploration_final_eps: float,
        exploration_fraction: float,
        max_grad_norm: float,
        **arguments: Any,
    ) -> None:
        self.explore_best, self.shortlist = explore_best, shortlist
        self.target_update_interval, self.max_grad_norm = target_update_interval, max_grad_norm
        self.exploration_initial_eps, self.exploration_final_eps = exploration_initial_eps, exploration_final_eps
        self.exploration_fraction, self.exploration_rate, self._n_calls = exploration_fraction, 0.0, 0
        OffPolicyAlgorithm.__init__(  # DQN's own allows one item at once
            self,
            policy,
            env,
            tau=1.0,
            sde_support=False,
            supported_action_spaces=(spaces.MultiDiscrete,),
            support_multi_env=True,
            **arguments,
        )
        self._setup_model()
        assert isinstance(self.action_space, spaces.MultiDiscrete)
        self.num_items = int(self.action_space.nvec[0])

    def _explore(self, observation: Floats) -> tuple[Ints, Ints]:
        """The best slates [n, slate], but where a user's coin says explore: any of the best few; and shortlists."""
        coin = torch.as_tensor(np.random.random(len(observation)) < self.exploration_rate)  # noqa: NPY002
        drawn = np.random.random((len(observation), self.num_items)).astype(np.float32)  # noqa: NPY002
        with torch.no_grad():
            values = self.q_net.values(self.policy.obs_to_tensor(observation)[0])
            slates = best_slates(values, self.q_net.slate, self.q_net.fits)
            gains = values.gains(values.of(slates).total)  # [n, num_items]
            best = gains.topk(self.explore_best, dim=1)
            keys = torch.as_tensor(drawn, device=gains.device) + (gains >= best.values[:, -1:])
            keys = keys.masked_fill(gains <= MASKED / 2, -1.0)
            explored = first(keys, self.q_net.slate, self.q_net.fits)
        chosen = torch.where(coin.to(gains.device)[:, None], explored, slates)
        return chosen.cpu().numpy(), best.indices[:, : self.shortlist].cpu().numpy()

    def _store_transition(self, replay_buffer: Replay, *arguments: Any) -> None:  # type: ignore[override]
        assert self.env is not None
        replay_buffer.note(answers=self.env.get_attr("clicks", [0])[0])
        super()._store_transition(replay_buffer, *arguments)

    def _loss(self, batch: Replayed) -> Tensor:
        score, worth, later, ahead = self.q_net.parts(batch.observations, batch.actions)
        chances = _chances(score + self.q_net.places)  # [batch, 1 + slate]
        outcome = _outcomes(batch.answers)  # [batch, 1 + slate]
        clicked = -(outcome * chances.clamp(min=1e-8).log()).sum(dim=1).mean()
        reward = (chances[:, 1:] * worth).sum(dim=1)
        learned = functional.smooth_l1_loss(reward, batch.first_rewards)
        after = torch.cat([ahead[:, 1:], later + ahead[:, :1]], dim=1)  # [batch, 1 + slate]
        target = (batch.rewards - batch.first_rewards[:, None]) + self._bootstrap(batch)
        return clicked + learned + functional.smooth_l1_loss((outcome * after).sum(dim=1, keepdim=True), target)

    def _bootstrap(self, batch: Replayed) -> Tensor:
        """What the target network holds of the online network's best next slates, discounted, [batch, 1]."""
        seen = batch.next_observations
        with torch.no_grad():
            if self.shortlist:
                tried = batch.next_shortlists
                chosen = tried.gather(1, best_slates(self.q_net.values_of(seen, tried), self.q_net.slate))
            else:
                chosen = self.q_net(seen)
            return (1 - batch.dones) * batch.discounts * self.q_net_target.values_of(seen, chosen).total


def _chances(score: Tensor) -> Tensor:
    """How likely nothing, and each item, is clicked, [n, 1 + slate]."""
    return functional.pad(score, (1, 0)).softmax(dim=1)


def _outcomes(clicks: Tensor) -> Tensor:
    """What came about, nothing or a click, as shares [n, 1 + slate]."""
    number = clicks.sum(dim=1, keepdim=True)  # [n, 1]
    return torch.cat([(number == 0).float(), clicks / number.clamp(min=1)], dim=1)


@dataclass(frozen=True)
class SlateQAgent(DQNAgent):
    """SlateQ (Ie et al., 2019): Q-learning for slates, with the item head as its click model.

    Args:
        dqn: the arguments of `DQNAgent`; `shortlist` holds a few slates at least.
    """

    shortlist: int = 32

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        if self.head != "item":
            raise ValueError(f"head is {self.head!r}; SlateQ has the item head alone, choose head=item")

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "SlateQ"

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> SlateQ:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: it is asked for one item, too few to choose among, or actions that it cannot take.
        """
        self.check_says(items.says, repeats=items.repeats)
        if items.slate == 1:
            raise ValueError("SlateQ recommends slates, and here it is one item at once; choose agent=dqn")
        for name, count in (("shortlist", self.shortlist), ("explore_best", self.explore_best)):
            if count < items.slate:
                raise ValueError(f"{name} is {count}, for slates of {items.slate}; give as many at least")
        return SlateQ(SlateQPolicy, env, **self.arguments(items, env.num_envs), seed=seed, device=device)

    def arguments(self, items: ItemSpace, num_envs: int) -> dict[str, Any]:
        """Those of `SlateQ`, for these items and so many users."""
        arguments = super().arguments(items, num_envs)
        if items.slots is not None:
            arguments["shortlist"] = arguments["replay_buffer_kwargs"]["shortlist"] = 0  # not enough for each place
        arguments["explore_best"] = max(arguments["explore_best"], arguments["shortlist"])
        arguments["replay_buffer_kwargs"]["answers"] = items.slate
        return arguments
