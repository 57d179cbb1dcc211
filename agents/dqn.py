"""DQN of stable-baselines3 with the item-vector head, and the three changes that made it learn here."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor, nn
from torch.nn import functional

from recloop.agents.features import SessionFeatures, check_state, reading, refuse_numbers, stated
from recloop.agents.finite import refuse_loss
from recloop.agents.networks import ItemHead
from recloop.agents.offers import Offers
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.replay import Replay, Replayed
from recloop.agents.says import check_says

FUSED = {"optimizer_kwargs": {"fused": True}}
"""One pass of Adam over the weights instead of a dozen."""


class ItemQNetwork(QNetwork):
    """q(s, a) = value of the item + value of the state: a dueling network over the item head."""

    features_extractor: SessionFeatures

    def __init__(
        self, *args: Any, items: ItemSpace, hidden: list[int], scales: tuple[float, ...], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.q_net = nn.Sequential()  # instead of the parent's head, one output unit an item
        self.head = ItemHead(items, self.features_dim, hidden, scales, extra=1)
        self.offers = Offers(items)

    def forward(self, obs: PyTorchObs) -> Tensor:
        """Q-values [n, actions]."""
        assert isinstance(obs, Tensor)
        features = self.extract_features(obs, self.features_extractor)
        of_items, of_state = self.head.among(features, self.offers.candidates(obs))
        return self.offers.open(of_items + of_state.mean(dim=1, keepdim=True), obs)

    def of(self, obs: PyTorchObs, actions: Tensor) -> Tensor:
        """Q-values [n, k] of some actions [n, k]."""
        assert isinstance(obs, Tensor)
        at_once, later = self.parts(obs, actions)
        return self.offers.open_among(at_once + later, obs, actions)

    def parts(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The rewards expected at once of some actions [n, k], and the rest of their Q-values, [n, k] each."""
        at_once, later, of_state = self.outputs(obs, actions)
        return at_once, later + of_state.mean(dim=1, keepdim=True)

    def outputs(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the item head says of some actions [n, k]."""
        assert isinstance(obs, Tensor)
        return self.head.of(self.extract_features(obs, self.features_extractor), self.offers.items(obs, actions))


class ItemDQNPolicy(DQNPolicy):
    """DQN's policy with `ItemQNetwork`."""

    def __init__(
        self, *args: Any, items: ItemSpace, hidden: list[int], scales: tuple[float, ...], **kwargs: Any
    ) -> None:
        self.head: dict[str, Any] = {"items": items, "hidden": hidden, "scales": scales}
        super().__init__(*args, **{**kwargs, "net_arch": []})

    def make_q_net(self) -> QNetwork:
        """Online and target network."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return ItemQNetwork(**arguments, **self.head).to(self.device)


class MLPQNetwork(QNetwork):
    """One output unit an item, as in stable-baselines3."""

    def of(self, obs: PyTorchObs, actions: Tensor) -> Tensor:
        """Q-values [n, k] of some actions [n, k], whose rows of the last layer are all that is computed."""
        *hidden, last = self.q_net
        assert isinstance(last, nn.Linear)
        features = self.extract_features(obs, self.features_extractor)
        for layer in hidden:
            features = layer(features)  # [n, width]
        rows = functional.embedding(actions, last.weight)  # [n, k, width]
        values: Tensor = last.bias[actions] + (rows @ features[:, :, None])[:, :, 0]
        return values


class MLPDQNPolicy(DQNPolicy):
    """DQN's policy with `MLPQNetwork`."""

    def make_q_net(self) -> QNetwork:
        """Online and target network."""
        return MLPQNetwork(**self._update_features_extractor(self.net_args, features_extractor=None)).to(self.device)


class BatchedDQN(DQN):
    """DQN for many users and many items.

    - Targets are double (van Hasselt et al., 2016): the online network chooses, the target network values; returns are
      of several steps.
    - Every user flips an exploration coin of their own, and explores among the `explore_best` items of the highest
      value.
    - Q-values of few items where all are not needed: of those taken, and of a short list of the best, noted when an
      observation is acted on, among which, and as many at random, its best is looked for when it is replayed.
    - The item head's click model learns from rewards, its other part from what Q-values leave of the return. Learned
      from Q-values as well, the click model bends to what bootstraps get wrong.
    """

    q_net: ItemQNetwork | MLPQNetwork
    q_net_target: ItemQNetwork | MLPQNetwork
    replay_buffer: Replay

    def __init__(self, *args: Any, explore_best: int, shortlist: int, **kwargs: Any) -> None:
        self.explore_best, self.shortlist = explore_best, shortlist
        super().__init__(*args, **kwargs)
        assert isinstance(self.action_space, spaces.Discrete)
        self.num_items = int(self.action_space.n)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[Ints, Ints]:
        observation = self._last_obs
        assert isinstance(observation, np.ndarray)
        actions, shortlists = self._explore(observation)
        self.replay_buffer.note(shortlists=shortlists)
        return actions, actions

    def _explore(self, observation: Floats) -> tuple[Ints, Ints]:
        """Greedy actions [n], but where a user's coin says explore: one of the best few; and shortlists [n, k]."""
        n = len(observation)
        # numpy's global stream is the one that stable-baselines3 seeds and draws replayed samples from
        coin = np.random.random(n) < self.exploration_rate  # noqa: NPY002
        rank = np.random.randint(self.explore_best, size=n)  # noqa: NPY002
        with torch.no_grad():
            values = self.q_net(self.policy.obs_to_tensor(observation)[0])  # [n, num_items]
            best = values.topk(max(self.shortlist, 1), dim=1).indices.cpu().numpy()  # [n, shortlist]
            explored = values[coin].topk(self.explore_best, dim=1, sorted=False).indices.cpu().numpy()
        actions: Ints = best[:, 0].copy()
        actions[coin] = explored[np.arange(len(explored)), rank[coin]]
        return actions, best[:, : self.shortlist]

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Gradient steps on the loss of replayed transitions.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = [self._gradient_step(self.replay_buffer.sample(batch_size)) for _ in range(gradient_steps)]
        self._n_updates += gradient_steps
        loss = float(torch.stack(losses).mean())
        refuse_loss(loss, self._n_updates)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", loss)

    def _gradient_step(self, batch: Replayed) -> Tensor:
        loss = self._loss(batch) + self._surprise(batch)
        self.policy.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.q_net.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return loss.detach()

    def _loss(self, batch: Replayed) -> Tensor:
        """Huber loss of the double-DQN error, and that of the click model on the rewards of the first steps."""
        target = batch.rewards + (1 - batch.dones) * batch.discounts * self._following(batch)  # [batch, 1]
        if isinstance(self.q_net, MLPQNetwork):
            return functional.smooth_l1_loss(self.q_net.of(batch.observations, batch.actions), target)
        at_once, later = self.q_net.parts(batch.observations, batch.actions)
        learned = functional.smooth_l1_loss(at_once, batch.first_rewards[:, None])
        return functional.smooth_l1_loss(at_once.detach() + later, target) + learned

    def _surprise(self, batch: Replayed) -> Tensor | float:
        """Of a state that learns from answers; 0 without one."""
        if not isinstance(self.q_net, ItemQNetwork) or (state := self.q_net.features_extractor.learned) is None:
            return 0.0
        items = self.q_net.offers.items(batch.observations, batch.actions)[:, 0]
        surprise: Tensor = state.surprise(batch.observations, items, batch.first_rewards)
        return surprise

    def _following(self, batch: Replayed) -> Tensor:
        """What the next observations are worth, [batch, 1]."""
        with torch.no_grad():
            greedy = self._greedy(batch.next_observations, batch.next_shortlists)
            return self._value(batch.next_observations, greedy)

    def _value(self, observations: Tensor, actions: Tensor) -> Tensor:
        """What the target network holds of the actions [n, 1], [n, 1]."""
        values: Tensor = self.q_net_target.of(observations, actions)
        return values

    def _greedy(self, observations: Tensor, shortlists: Tensor) -> Tensor:
        """The best items [n, 1] of the shortlists [n, k] and of as many at random, or of the whole catalog."""
        if self.shortlist == 0:
            best: Tensor = self.q_net(observations).argmax(dim=1, keepdim=True)
            return best
        tried = self._tried(shortlists)
        return tried.gather(1, self.q_net.of(observations, tried).argmax(dim=1, keepdim=True))

    def _tried(self, shortlists: Tensor) -> Tensor:
        """Shortlists grow old, and what has become good since is found at random, [n, 2 * k]."""
        others = np.random.randint(self.num_items, size=tuple(shortlists.shape))  # noqa: NPY002
        return torch.cat([shortlists, torch.as_tensor(others, device=shortlists.device)], dim=1)


@dataclass(frozen=True)
class DQNAgent:
    """Deep Q-learning (Mnih et al., 2015), double, dueling and with n-step returns.

    Args:
        num_envs: users served at once.
        head: "item" for scores from item vectors, "mlp" for one output unit an item.
        state: "observed", or one that learns from the answers of the session, "recurrent" or "attention": see
            `agents/learned_state.py`; these take the item head and env/observation=session.
        hidden: widths of the hidden layers.
        buffer_steps: transitions kept for replay.
        learning_starts: steps before the first update.
        batch_size: samples of a gradient step.
        replay_ratio: samples replayed for each step of a user; gradient steps follow from it, whatever `num_envs` is.
        learning_rate: of Adam, falling linearly to 0.
        gamma: discount a step.
        n_steps: steps of the return before the bootstrap.
        target_update_steps: user steps between copies to the target network.
        explore_best: exploration chooses among so many best items.
        shortlist: best items noted with an observation; among them and as many at random its best is looked for when
            it is replayed. 0 to look through all items.
        exploration: share of exploring steps at the start and at the end of its fall.
        exploration_share: part of training over which it falls.
        max_grad_norm: gradients are clipped to this norm.
        scales: initial weights of similarity, boredom and quality in the item head.
    """

    num_envs: int = 64
    head: Literal["item", "mlp"] = "item"
    state: Literal["observed", "recurrent", "attention"] = "observed"
    hidden: tuple[int, ...] = (128, 128)
    buffer_steps: int = 100_000
    learning_starts: int = 2_000
    batch_size: int = 256
    replay_ratio: float = 16.0
    learning_rate: float = 6e-4
    gamma: float = 0.95
    n_steps: int = 3
    target_update_steps: int = 2_000
    explore_best: int = 200
    shortlist: int = 32
    exploration: tuple[float, float] = (0.5, 0.05)
    exploration_share: float = 0.9
    max_grad_norm: float = 10.0
    scales: tuple[float, float, float] = (25.0, 10.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        check_state(self.state, self.head)
        check_ranges(
            self,
            num_envs=(1, ENDLESS),
            hidden=(1, ENDLESS),
            buffer_steps=(1, ENDLESS),
            learning_starts=(0, ENDLESS),
            batch_size=(1, ENDLESS),
            replay_ratio=(ABOVE_0, ENDLESS),
            learning_rate=(ABOVE_0, 1),
            gamma=(0, 1),
            n_steps=(1, ENDLESS),
            target_update_steps=(1, ENDLESS),
            explore_best=(1, ENDLESS),
            shortlist=(0, ENDLESS),
            exploration=(0, 1),
            exploration_share=(ABOVE_0, 1),
            max_grad_norm=(ABOVE_0, ENDLESS),
            scales=(ABOVE_0, ENDLESS),
        )

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "DQN" if self.head == "item" else "DQN, plain MLP head"

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, self.head, repeats=repeats)

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> BatchedDQN:
        """The stable-baselines3 model, ready to learn.

        Raises:
            ValueError: it is asked for slates, or for actions that it cannot take.
        """
        self.check_says(items.says, repeats=items.repeats)
        if items.slate > 1:
            raise ValueError(
                f"DQN recommends one item at once, and not {items.slate}; choose agent=slate_q or agent=ppo"
            )
        if self.head == "mlp":
            refuse_numbers(items)
        policy = ItemDQNPolicy if self.head == "item" else MLPDQNPolicy
        return BatchedDQN(policy, env, **self.arguments(items, env.num_envs), seed=seed, device=device)

    def arguments(self, items: ItemSpace, num_envs: int) -> dict[str, Any]:
        """Those of `BatchedDQN`, for these items and so many users."""
        hidden, shortlist = list(self.hidden), min(self.shortlist, items.always_open)
        if "candidates" in items.layout:
            shortlist = 0  # few enough, and others at each step
        head: dict[str, Any] = {"net_arch": hidden}  # stable-baselines3's own network
        if self.head == "item":
            learned = stated(self.state, items, self.scales)
            head = {**reading(items.layout, learned), "items": items, "hidden": hidden, "scales": self.scales}
        return {
            "policy_kwargs": {**FUSED, **head},
            "explore_best": min(self.explore_best, items.always_open),
            "shortlist": shortlist,
            "buffer_size": self.buffer_steps,
            "replay_buffer_class": Replay,
            "replay_buffer_kwargs": {"n_steps": self.n_steps, "gamma": self.gamma, "shortlist": shortlist},
            "learning_starts": self.learning_starts,
            "batch_size": self.batch_size,
            "train_freq": 1,
            "gradient_steps": max(1, round(num_envs * self.replay_ratio / self.batch_size)),
            "learning_rate": lambda remaining: self.learning_rate * remaining,
            "gamma": self.gamma,
            "target_update_interval": self.target_update_steps,
            "exploration_initial_eps": self.exploration[0],
            "exploration_final_eps": self.exploration[1],
            "exploration_fraction": self.exploration_share,
            "max_grad_norm": self.max_grad_norm,
        }
