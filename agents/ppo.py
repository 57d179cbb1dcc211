"""PPO of stable-baselines3 with the item-vector head."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn
from torch.nn.functional import log_softmax, softmax

from recloop.agents.answers import RolloutAnswers
from recloop.agents.features import check_state, learned_state, refuse_numbers, stated
from recloop.agents.finite import refuse_loss
from recloop.agents.learned_state import LearnedState
from recloop.agents.networks import LOG_SPEED, ItemHead
from recloop.agents.offers import Offers
from recloop.agents.policy import Floats, ItemSpace, readable
from recloop.agents.proximal import Proximal, Watched
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.says import check_says
from recloop.agents.slates import PlackettLuce
from recloop.agents.stochastic import Probabilities

STATE_RATE = 3e-3
"""Of the Adam that a learned state learns with: ten times the policy's, for answers have less noise than returns.

Matrices learn at a tenth of it, for they could learn the few users of a rollout by heart.
"""


class ItemLogits(nn.Module):
    """The item head's values, divided by a temperature that is learned through its logarithm."""

    def __init__(self, head: ItemHead, items: ItemSpace, temperature: float) -> None:
        super().__init__()
        self.head, self.offers, self.readable = head, Offers(items), readable(items.layout)
        self.log_sharpness = nn.Parameter(-torch.log(torch.tensor(temperature)) / LOG_SPEED)

    def forward(self, observation: Tensor) -> Tensor:
        """Logits [n, actions]: of all items, or of the candidates."""
        values, _ = self.head.among(observation[:, : self.readable], self.offers.candidates(observation))
        return self.offers.open(values * torch.exp(LOG_SPEED * self.log_sharpness), observation)


class ReadingCritic(MlpExtractor):
    """The critic's layers, which read no item numbers; the actor has the observation as it is.

    Args:
        readable: how many values of the observation are read.
        arguments: those of `MlpExtractor`.
    """

    def __init__(self, readable: int, *arguments: Any, **named: Any) -> None:
        self.readable = readable
        super().__init__(readable, *arguments, **named)

    def forward_critic(self, features: Tensor) -> Tensor:
        """What the layers make of `features` [n, size]."""
        return super().forward_critic(features[:, : self.readable])


class LogSoftmax(CategoricalDistribution):
    """One of `action_dim` items, without torch's own Categorical, which passes over all the logits a dozen times.

    Its `logsumexp` is slow besides where a logit lies so far below the best that its exponential is denormal, which
    is so for most of a catalog when the policy is sharp.

    Args:
        action_dim: number of items.
        counts_entropy: whether the entropy is wanted; it costs three passes and their gradients.
    """

    def __init__(self, action_dim: int, *, counts_entropy: bool) -> None:
        super().__init__(action_dim)
        self.counts_entropy = counts_entropy

    def proba_distribution_net(self, latent_dim: int) -> nn.Module:
        """Nothing: the item head takes its place, and an output an item would take gigabytes at a million items."""
        return nn.Identity()

    def proba_distribution(self, action_logits: Tensor) -> Self:
        """Take logits [n, action_dim]."""
        self.log_probabilities = log_softmax(action_logits, dim=1)
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Of the actions taken [n]."""
        return self.log_probabilities.gather(1, actions.long().unsqueeze(1)).squeeze(1)

    def entropy(self) -> Tensor | None:  # type: ignore[override]
        """Of each row, [n]; None where it is not wanted, and stable-baselines3 reports -log_prob instead."""
        if not self.counts_entropy:
            return None
        return -(softmax(self.log_probabilities, dim=1) * self.log_probabilities).sum(1)

    def sample(self) -> Tensor:
        """A random item a row, [n]."""
        return torch.multinomial(softmax(self.log_probabilities, dim=1), 1).squeeze(1)

    def mode(self) -> Tensor:
        """The most probable item of each row, [n]."""
        return self.log_probabilities.argmax(dim=1)


def put_item_actor(policy: Any, lr_schedule: Schedule) -> None:
    """Give a policy that stable-baselines3, or sb3-contrib, has built the item head for its actor."""
    head = ItemHead(policy.items, readable(policy.items.layout), policy.hidden, policy.scales)
    policy.action_net = ItemLogits(head, policy.items, policy.temperature)
    policy.optimizer = policy.optimizer_class(policy.parameters(), lr=lr_schedule(1), **policy.optimizer_kwargs)
    if isinstance(policy.features_extractor, LearnedState):
        parameters = list(policy.features_extractor.parameters())
        matrices = [one for one in parameters if one.ndim > 1]
        others = [one for one in parameters if one.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": others}, {"params": matrices, "lr": STATE_RATE / 10}]
        policy.state_optimizer = torch.optim.Adam(groups, lr=STATE_RATE)


class ItemActorCritic(ActorCriticPolicy):
    """The actor's logits are values of items, the critic is an MLP; both read the observation itself.

    A learned `state` is what they read instead of the observation's; it has an optimizer of its own.
    """

    action_net: ItemLogits
    state_optimizer: torch.optim.Optimizer

    def __init__(
        self,
        *args: Any,
        items: ItemSpace,
        hidden: list[int],
        scales: tuple[float, ...],
        temperature: float,
        counts_entropy: bool,
        **kwargs: Any,
    ) -> None:
        self.items, self.hidden, self.scales, self.temperature = items, hidden, scales, temperature
        self.counts_entropy = counts_entropy
        super().__init__(*args, **{**kwargs, "net_arch": {"pi": [], "vf": hidden}})

    def _build(self, lr_schedule: Schedule) -> None:
        self.action_dist = (
            LogSoftmax(self.items.num_actions, counts_entropy=self.counts_entropy)
            if self.items.slate == 1
            else PlackettLuce(self.items)
        )
        super()._build(lr_schedule)
        put_item_actor(self, lr_schedule)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = ReadingCritic(
            readable(self.items.layout), self.net_arch, self.activation_fn, device=self.device
        )


class WatchedPPO(Watched, PPO):
    """PPO that stops at the update whose loss is no number, and tells how likely it recommends each item."""

    def train(self) -> None:
        """Update the policy from the rollout, and then the state that learns from its answers, if there is one.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        super().train()
        policy, starts = self.policy, self._last_episode_starts
        state = policy.features_extractor
        if isinstance(state, LearnedState) and isinstance(policy, ItemActorCritic) and starts is not None:
            answers = RolloutAnswers.of(self.rollout_buffer, starts, policy.action_net.offers)
            loss = answers.fit(state, policy.state_optimizer, self.batch_size)
            refuse_loss(loss, self._n_updates)
            self.logger.record("train/surprise", loss)

    def probabilities(
        self, observation: Floats, state: Any = None, episode_start: Any = None
    ) -> tuple[Probabilities, Any]:
        """Of the policy that explores, [n, num_items]: that of training, not its most probable item."""
        with torch.no_grad():
            chooses = self.policy.get_distribution(self.policy.obs_to_tensor(observation)[0])
            assert isinstance(chooses, CategoricalDistribution)
            logits = chooses.log_probabilities if isinstance(chooses, LogSoftmax) else chooses.distribution.logits
            return softmax(logits.double(), dim=1).cpu().numpy(), state


@dataclass(frozen=True)
class PPOAgent(Proximal):
    """Proximal policy optimisation over items, candidates or slates.

    Args:
        settings: those of `Proximal`, first.
        head: "item" for scores from item vectors, "mlp" for one output unit an item (stable-baselines3's own).
        state: "observed", or one that learns from the answers of the session, "recurrent" or "attention": see
            `agents/learned_state.py`; these take the item head and env/observation=session.
        scales: initial weights of similarity, boredom and quality in the item head.
        temperature: initial temperature of the policy over the head's values.
    """

    head: Literal["item", "mlp"] = "item"
    state: Literal["observed", "recurrent", "attention"] = "observed"
    scales: tuple[float, float, float] = (25.0, 10.0, 1.0)
    temperature: float = 0.04

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        super().__post_init__()
        check_state(self.state, self.head)
        check_ranges(self, scales=(ABOVE_0, ENDLESS), temperature=(ABOVE_0, ENDLESS))

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "PPO" if self.head == "item" else "PPO, plain MLP head"

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, self.head, repeats=repeats)

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> WatchedPPO:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: the plain head, which would name items twice, is asked for slates; or the actions are others
                than it can take.
        """
        self.check_says(items.says, repeats=items.repeats)
        if self.head == "mlp" and items.slate > 1:
            raise ValueError(f"head is 'mlp', which recommends one item and not {items.slate}; choose head=item")
        if self.head == "mlp":
            refuse_numbers(items)
        hidden, learned = list(self.hidden), stated(self.state, items, self.scales)
        policy: type[ActorCriticPolicy] = ItemActorCritic if self.head == "item" else ActorCriticPolicy
        plain = {"net_arch": hidden}
        head = {
            "items": items,
            "hidden": hidden,
            "scales": self.scales,
            "temperature": self.temperature,
            "counts_entropy": self.entropy_weight > 0,
        }
        if learned is not None:
            head |= {"features_extractor_class": learned_state, "features_extractor_kwargs": learned}
        return WatchedPPO(
            policy,
            env,
            policy_kwargs=head if self.head == "item" else plain,
            **self.settings,
            seed=seed,
            device=device,
        )
