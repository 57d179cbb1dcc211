"""Learners that look no further than the next reward: recommend, see what comes, fit, repeat."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import MaybeCallback
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from recloop.agents.finite import refuse_loss
from recloop.agents.offers import Offers
from recloop.agents.policy import ItemSpace, readable
from recloop.agents.replay import Replay
from recloop.agents.says import check_says


class OnlinePolicy(BasePolicy):
    """What scores items, chooses among them, and is fitted to what came of it.

    Args:
        items: what is known of the items.
        arguments: of stable-baselines3's policy.
    """

    vectors: Tensor
    quality: Tensor

    def __init__(self, *arguments: Any, items: ItemSpace) -> None:
        super().__init__(*arguments)
        self.layout, self.dim = items.layout, items.vectors.shape[1]
        self.offers, self.readable, self.closed = (
            Offers(items),
            readable(items.layout),
            items.num_actions - items.always_open,
        )
        self.register_buffer("vectors", torch.as_tensor(items.vectors), persistent=False)  # [num_items, dim]
        self.register_buffer("quality", torch.as_tensor(items.quality), persistent=False)  # [num_items]

    @abstractmethod
    def fit(self, replay: Replay, new_steps: int) -> float:
        """Learn from `replay`, in which the latest `new_steps` steps of each user are new; the loss."""


class OnlineLearner(BaseAlgorithm):
    """The loop around an `OnlinePolicy`, as stable-baselines3's learners have it.

    Args:
        policy: its class.
        env: to learn in.
        rollout_steps: steps of each user between two fits.
        buffer_steps: transitions kept to fit to; at least those of a rollout are.
        policy_kwargs: arguments of the policy.
        seed: of the global random streams.
        device: of the policy.
    """

    policy: OnlinePolicy
    replay_buffer: Replay

    def __init__(
        self,
        policy: type[OnlinePolicy],
        env: VecEnv,
        *,
        rollout_steps: int,
        buffer_steps: int,
        policy_kwargs: dict[str, Any],
        seed: int,
        device: str,
    ) -> None:
        self.rollout_steps, self.buffer_steps = rollout_steps, max(buffer_steps, rollout_steps * env.num_envs)
        self.last_memory: Any = None  # the policy's own state
        super().__init__(
            policy,
            env,
            learning_rate=0.0,
            policy_kwargs=policy_kwargs,
            seed=seed,
            device=device,
            support_multi_env=True,
        )
        self._setup_model()

    def _setup_model(self) -> None:
        self.set_random_seed(self.seed)
        spaces = self.observation_space, self.action_space
        self.policy = self.policy_class(*spaces, **self.policy_kwargs).to(self.device)  # type: ignore[assignment]
        self.replay_buffer = Replay(self.buffer_steps, *spaces, device=self.device, n_envs=self.n_envs)

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int | None = None,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Collect rollouts and fit until `total_timesteps` recommendations have been made; `log_interval` is unused."""
        total, caller = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        caller.on_training_start(locals(), globals())
        while self.num_timesteps < total and self._collect(caller):
            self._update_current_progress_remaining(self.num_timesteps, total)
            self._fit()
        caller.on_training_end()
        return self

    def _collect(self, callback: BaseCallback) -> bool:
        """Let the exploring policy play a rollout; False if `callback` ended it."""
        callback.on_rollout_start()
        for _ in range(self.rollout_steps):
            self._step()
            callback.update_locals(locals())
            if not callback.on_step():
                return False
        callback.on_rollout_end()
        return True

    def _step(self) -> None:
        before = self._last_obs
        assert isinstance(before, np.ndarray)
        assert self.env is not None
        actions, self.last_memory = self.policy.predict(before, self.last_memory, self._last_episode_starts, False)
        after, rewards, dones, infos = self.env.step(actions)
        assert isinstance(after, np.ndarray)
        self.num_timesteps += self.n_envs
        self._update_info_buffer(infos, dones)
        self.replay_buffer.add(before, after, actions, rewards, dones, infos)
        self._last_obs, self._last_episode_starts = after, dones

    def _fit(self) -> None:
        loss = self.policy.fit(self.replay_buffer, self.rollout_steps)
        self._n_updates += 1
        refuse_loss(loss, self._n_updates)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", loss)


def latest(replay: Replay, steps: int) -> np.ndarray:
    """Where the latest `steps` steps, or as many as there are, stand in `replay`, oldest first, [steps]."""
    filled = replay.buffer_size if replay.full else replay.pos
    return np.arange(replay.pos - min(steps, filled), replay.pos) % replay.buffer_size


def products(queries: Tensor, table: Tensor) -> Tensor:
    """Inner products [n, k] of `queries` [n, size] with all rows [k, size], or with those of each [n, k, size]."""
    return queries @ table.T if table.dim() == 2 else (table @ queries[:, :, None])[:, :, 0]


def refuse_others(name: str, items: ItemSpace) -> None:
    """Refuse tasks that want something else than an item, or the position of one among candidates.

    Raises:
        ValueError: so; names the agent and one that can.
    """
    check_says(items.says, "item", repeats=items.repeats)
    if items.slate > 1:
        raise ValueError(f"{name} recommends one item at once, and not {items.slate}; choose agent=ppo")
