"""Replay that keeps each observation once, and finds what followed it in the next row."""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from torch import Tensor

from recloop.agents.policy import Bools, Floats, Ints


class Replayed(NamedTuple):
    """A batch of transitions, the first six as stable-baselines3 names them."""

    observations: Tensor  # [batch, size]
    actions: Tensor  # [batch, action_dim]
    next_observations: Tensor  # [batch, size] after `n_steps` steps, or where the session ends before
    dones: Tensor  # [batch, 1] whether the user has left by then; 0 where the session was only cut off
    rewards: Tensor  # [batch, 1] discounted sum until then
    discounts: Tensor  # [batch, 1] of what comes after
    first_rewards: Tensor  # [batch] of the first step alone
    answers: Tensor  # [batch, answers] noted with the transition
    next_shortlists: Tensor  # [batch, shortlist] noted when the next observation was acted on


class Replay(ReplayBuffer):
    """stable-baselines3's replay buffer with n-step returns, in half of the memory.

    A transition's next observation is the following row's observation. Only where the following row begins otherwise,
    with another session or one started anew, the last observation is kept beside, in a ring that grows as it must.

        return = r_0 + gamma r_1 + ... + gamma^(m-1) r_(m-1),        m = n_steps, or less where the session ends before

    The same samples, from the same random numbers, as stable-baselines3's `NStepReplayBuffer`.

    Args:
        buffer_size: transitions kept, of all users together.
        observation_space: of one user, a Box.
        action_space: of one user.
        device: of the tensors sampled.
        n_envs: users served at once.
        n_steps: steps of the return before the bootstrap.
        gamma: discount a step.
        shortlist: items noted with each transition that were the best when its observation was acted on.
        answers: values noted with each transition, such as the clicks on a slate.
        optimize_memory_usage: stable-baselines3's own way to save memory, which does not know sessions cut off.

    Raises:
        ValueError: for `optimize_memory_usage`.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: Any = "auto",
        n_envs: int = 1,
        *,
        n_steps: int = 1,
        gamma: float = 0.99,
        shortlist: int = 0,
        answers: int = 0,
        optimize_memory_usage: bool = False,
    ) -> None:
        if optimize_memory_usage:
            raise ValueError("optimize_memory_usage is True; leave it out, every observation is kept once anyway")
        BaseBuffer.__init__(self, max(buffer_size // n_envs, 1), observation_space, action_space, device, n_envs)
        self.n_steps, self.gamma = n_steps, gamma
        self.optimize_memory_usage, self.handle_timeout_termination = False, True
        rows = (self.buffer_size, n_envs)
        self.observations = np.zeros((*rows, *self.obs_shape), observation_space.dtype)
        self.actions = np.zeros((*rows, self.action_dim), self._maybe_cast_dtype(action_space.dtype))
        self.rewards = np.zeros(rows, np.float32)
        self.dones, self.timeouts = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
        self.shortlists = np.zeros((*rows, shortlist), np.int32)
        self.answers = np.zeros((*rows, answers), np.float32)
        self.latest = np.zeros((n_envs, *self.obs_shape), observation_space.dtype)  # after the newest row
        self.ends = Ends(rows, self.latest)

    @property
    def nbytes(self) -> int:
        """Memory of all arrays, bytes."""
        return sum(array.nbytes for array in (*self._columns().values(), self.latest, self.ends.kept))

    def _columns(self) -> dict[str, np.ndarray]:
        """Arrays [buffer_size, n_envs, ...], by name."""
        names = ("observations", "actions", "rewards", "dones", "timeouts", "shortlists", "answers")
        return {**{name: getattr(self, name) for name in names}, "ends": self.ends.serials}

    def note(self, *, shortlists: Ints | None = None, answers: Floats | None = None) -> None:
        """What belongs to the transitions that are added next: `shortlists` [n_envs, shortlist], `answers` alike."""
        if shortlists is not None:
            self.shortlists[self.pos] = shortlists
        if answers is not None:
            self.answers[self.pos] = answers

    def add(
        self,
        obs: np.ndarray,
        next_obs: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        done: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        """Append one transition of each user; `next_obs` [n_envs, size] holds the last observation of those `done`."""
        if self.size():
            self.ends.keep(self._newest, (obs != self.latest).any(axis=1), self.latest)
        self.ends.forget(self.pos)
        self.observations[self.pos], self.latest[:] = obs, next_obs
        self.actions[self.pos] = action.reshape(self.n_envs, self.action_dim)
        self.rewards[self.pos], self.dones[self.pos] = reward, done
        self.timeouts[self.pos] = [info.get("TimeLimit.truncated", False) for info in infos]
        self.pos += 1
        if self.pos == self.buffer_size:
            self.full, self.pos = True, 0

    @property
    def _newest(self) -> int:
        return (self.pos - 1) % self.buffer_size

    def sample(self, batch_size: int, env: Any = None) -> Replayed:  # type: ignore[override]
        """Transitions at random."""
        return self._get_samples(np.random.randint(0, self.size(), size=batch_size))  # noqa: NPY002

    def _get_samples(self, batch_inds: Ints, env: Any = None) -> Replayed:  # type: ignore[override]
        """The transitions of these rows, each of a random user."""
        users = np.random.randint(0, self.n_envs, size=len(batch_inds))  # noqa: NPY002
        rewards, last, discounts = self._returns(batch_inds, users)
        following, next_shortlists = self._following(last, users)
        left = self.dones[last, users] & ~self.timeouts[last, users]
        arrays = (
            self.observations[batch_inds, users],
            self.actions[batch_inds, users],
            following,
            left[:, None].astype(np.float32),
            rewards,
            discounts,
            self.rewards[batch_inds, users],
            self.answers[batch_inds, users],
            next_shortlists,
        )
        return Replayed(*(self.to_torch(array, copy=False) for array in arrays))

    def _returns(self, rows: Ints, users: Ints) -> tuple[Floats, Ints, Floats]:
        """Returns [batch, 1], the rows [batch] of their last steps, and the discounts [batch, 1] of what follows."""
        steps = (rows[:, None] + np.arange(self.n_steps)) % self.buffer_size  # [batch, n_steps]
        over = self.dones[steps, users[:, None]] | self.timeouts[steps, users[:, None]] | (steps == self._newest)
        over[:, -1] = True
        further = over.argmax(axis=1)  # [batch] steps after the first
        counts = np.arange(self.n_steps) <= further[:, None]  # [batch, n_steps]
        discounts = self.gamma ** np.arange(self.n_steps + 1, dtype=np.float32)
        rewards = (self.rewards[steps, users[:, None]] * discounts[:-1] * counts).sum(axis=1, keepdims=True)
        return rewards, (rows + further) % self.buffer_size, discounts[further + 1][:, None]

    def _following(self, rows: Ints, users: Ints) -> tuple[Floats, Ints]:
        """Observations [batch, size] after the transitions in these rows, and what was noted when they were acted on.

        Where nobody acted on them, the shortlist of the step before.
        """
        after = (rows + 1) % self.buffer_size
        serials, newest = self.ends.serials[rows, users], rows == self._newest
        ended = serials >= 0
        observations: Floats = self.observations[after, users]
        observations[newest] = self.latest[users[newest]]
        observations[ended] = self.ends.read(serials[ended])
        acted_on = np.where(newest | ended, rows, after)
        return observations, self.shortlists[acted_on, users].astype(np.int64)

    def get_state(self) -> dict[str, Any]:
        """All that was added, as plain arrays."""
        columns = {name: column[: self.size()] for name, column in self._columns().items()}
        ends = {"kept": self.ends.kept, "oldest": self.ends.oldest, "next": self.ends.next}
        return {"columns": columns, "latest": self.latest, "pos": self.pos, "full": self.full, "kept_ends": ends}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        for name, column in self._columns().items():
            column[: len(state["columns"][name])] = state["columns"][name]
        self.latest[:], self.pos, self.full = state["latest"], state["pos"], state["full"]
        vars(self.ends).update(state["kept_ends"])


class Ends:
    """Observations with which sessions ended, for as long as the transitions that led there are kept.

    They come and go in the order of their serial numbers: a ring, which doubles when it is full.

    Args:
        rows: steps and users, (buffer_size, n_envs).
        like: observations [n_envs, size].
    """

    def __init__(self, rows: tuple[int, int], like: Floats) -> None:
        self.serials = np.full(rows, -1, np.int64)  # of the observation kept for each transition; -1 for none
        self.kept, self.oldest, self.next = np.zeros_like(like), 0, 0

    def keep(self, row: int, where: Bools, observations: Floats) -> None:
        """Keep the `observations` [n_envs, size] of the users marked, for the transitions in `row`."""
        users = np.flatnonzero(where)
        while self.next + len(users) - self.oldest > len(self.kept):
            self._double()
        serials = self.next + np.arange(len(users))
        self.kept[serials % len(self.kept)] = observations[users]
        self.serials[row, users] = serials
        self.next += len(users)

    def forget(self, row: int) -> None:
        """The transitions in `row`, the oldest, are about to be overwritten."""
        self.oldest = max(self.oldest, int(self.serials[row].max()) + 1)
        self.serials[row] = -1

    def read(self, serials: Ints) -> Floats:
        """The observations [k, size] of these serial numbers [k]."""
        return self.kept[serials % len(self.kept)]

    def _double(self) -> None:
        serials = np.arange(self.oldest, self.next)
        larger = np.zeros((2 * len(self.kept), *self.kept.shape[1:]), self.kept.dtype)
        larger[serials % len(larger)] = self.read(serials)
        self.kept = larger
