"""DQN of stable-baselines3 with the item-vector head, and the three changes that made it learn here."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor, nn
from torch.nn import functional

from recloop.agents.features import reading
from recloop.agents.finite import refuse_loss
from recloop.agents.networks import ItemHead
from recloop.agents.offers import Offers
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.says import check_says


class ItemQNetwork(QNetwork):
    """q(s, a) = value of the item + value of the state: a dueling network over the item head."""

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
        return self.offers.open(of_items + of_state, obs)

    def of(self, obs: PyTorchObs, actions: Tensor) -> Tensor:
        """Q-values [n] of the actions taken [n]; what comes at once is not learned from them."""
        at_once, later, of_state = self._parts(obs, actions)
        values: Tensor = at_once.detach() + later + of_state[:, 0]
        return values

    def at_once(self, obs: PyTorchObs, actions: Tensor) -> Tensor:
        """The rewards [n] expected at once of the actions taken [n]."""
        return self._parts(obs, actions)[0]

    def _parts(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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
        """Q-values [n] of the actions taken [n]."""
        values: Tensor = self(obs).gather(1, actions[:, None])[:, 0]
        return values


class MLPDQNPolicy(DQNPolicy):
    """DQN's policy with `MLPQNetwork`."""

    def make_q_net(self) -> QNetwork:
        """Online and target network."""
        return MLPQNetwork(**self._update_features_extractor(self.net_args, features_extractor=None)).to(self.device)


class BatchedDQN(DQN):
    """DQN for many users and many items.

    - Targets are double (van Hasselt et al., 2016): the online network chooses, the target network values; n-step
      returns come from stable-baselines3's own buffer.
    - Every user flips an exploration coin of their own, and explores among the `explore_best` items of the highest
      value.
    - Q-values of the chosen actions only, where all are not needed.
    - The item head's click model learns from rewards, its other part from what Q-values leave of the return. Learned
      from Q-values as well, the click model bends to what bootstraps get wrong.
    """

    q_net: ItemQNetwork | MLPQNetwork
    q_net_target: ItemQNetwork | MLPQNetwork

    def __init__(self, *args: Any, explore_best: int, **kwargs: Any) -> None:
        self.explore_best = explore_best
        super().__init__(*args, **kwargs)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[Ints, Ints]:
        observation = self._last_obs
        assert isinstance(observation, np.ndarray)
        actions = self._explore(observation)
        return actions, actions

    def _explore(self, observation: Floats) -> Ints:
        """Greedy actions [n], but where a user's coin says explore: one of the best few."""
        with torch.no_grad():
            values = self.q_net(self.policy.obs_to_tensor(observation)[0])  # [n, num_items]
            best: Ints = values.topk(self.explore_best, dim=1).indices.cpu().numpy()  # [n, explore_best]
        n = len(best)
        # numpy's global stream is the one that stable-baselines3 seeds and draws replayed samples from
        coin = np.random.random(n) < self.exploration_rate  # noqa: NPY002
        rank = np.where(coin, np.random.randint(self.explore_best, size=n), 0)  # noqa: NPY002
        actions: Ints = best[np.arange(n), rank]
        return actions

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Gradient steps on the Huber loss of the double-DQN error.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = [self._gradient_step(batch_size) for _ in range(gradient_steps)]
        self._n_updates += gradient_steps
        loss = float(torch.stack(losses).mean())
        refuse_loss(loss, self._n_updates)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", loss)

    def _gradient_step(self, batch_size: int) -> Tensor:
        assert self.replay_buffer is not None
        batch = self.replay_buffer.sample(batch_size)
        with torch.no_grad():
            greedy = self.q_net(batch.next_observations).argmax(dim=1)  # [batch]
            following = self.q_net_target.of(batch.next_observations, greedy)  # [batch]
            discounts = self.gamma if batch.discounts is None else batch.discounts[:, 0]
            target = batch.rewards[:, 0] + (1 - batch.dones[:, 0]) * discounts * following
        loss = functional.smooth_l1_loss(self.q_net.of(batch.observations, batch.actions[:, 0].long()), target)
        if isinstance(self.q_net, ItemQNetwork):
            loss = loss + self._click_loss(self.q_net, batch_size)
        self.policy.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return loss.detach()

    def _click_loss(self, q_net: ItemQNetwork, batch_size: int) -> Tensor:
        """Huber loss of the click model on the rewards of single steps, which n-step returns do not show."""
        buffer = self.replay_buffer
        assert isinstance(buffer, ReplayBuffer)
        filled = buffer.buffer_size if buffer.full else buffer.pos
        steps = np.random.randint(filled, size=batch_size)  # noqa: NPY002
        rows = np.random.randint(buffer.n_envs, size=batch_size)  # noqa: NPY002
        observations, actions, rewards = (
            buffer.to_torch(field[steps, rows]) for field in (buffer.observations, buffer.actions, buffer.rewards)
        )
        return functional.smooth_l1_loss(q_net.at_once(observations, actions[:, 0].long()), rewards)


@dataclass(frozen=True)
class DQNAgent:
    """Deep Q-learning (Mnih et al., 2015), double, dueling and with n-step returns.

    Args:
        num_envs: users served at once.
        head: "item" for scores from item vectors, "mlp" for one output unit an item.
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
        exploration: share of exploring steps at the start and at the end of its fall.
        exploration_share: part of training over which it falls.
        max_grad_norm: gradients are clipped to this norm.
        scales: initial weights of similarity, boredom and quality in the item head.
    """

    num_envs: int = 64
    head: Literal["item", "mlp"] = "item"
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
    exploration: tuple[float, float] = (0.5, 0.05)
    exploration_share: float = 0.9
    max_grad_norm: float = 10.0
    scales: tuple[float, float, float] = (25.0, 10.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
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
            raise ValueError(f"DQN recommends one item at once, and not {items.slate}; choose agent=ppo")
        hidden = list(self.hidden)
        plain = {"net_arch": hidden}
        head = {"items": items, "hidden": hidden, "scales": self.scales}
        return BatchedDQN(
            ItemDQNPolicy if self.head == "item" else MLPDQNPolicy,
            env,
            policy_kwargs={**reading(items.layout), **(head if self.head == "item" else plain)},
            explore_best=min(self.explore_best, items.always_open),
            buffer_size=self.buffer_steps,
            learning_starts=self.learning_starts,
            batch_size=self.batch_size,
            train_freq=1,
            gradient_steps=max(1, round(env.num_envs * self.replay_ratio / self.batch_size)),
            learning_rate=lambda remaining: self.learning_rate * remaining,
            gamma=self.gamma,
            n_steps=self.n_steps,
            target_update_interval=self.target_update_steps,
            exploration_initial_eps=self.exploration[0],
            exploration_final_eps=self.exploration[1],
            exploration_fraction=self.exploration_share,
            max_grad_norm=self.max_grad_norm,
            seed=seed,
            device=device,
        )
