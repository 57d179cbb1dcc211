"""Gymnasium's VectorEnv as the VecEnv that stable-baselines3 trains on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from recloop.agents.finite import refuse_not_finite

_NOTHING: dict[str, Any] = {}


class GymnasiumVecEnv(VecEnv):
    """A native batch: no loop over environments but for sessions that end.

    On steps without an end all environments share one empty info, which must not be written to. Finished sessions carry
    stable-baselines3's `terminal_observation`, `TimeLimit.truncated` and `episode` (return, length, clicks), so that no
    monitor wrapper is needed.

    Raises:
        ValueError: for a vector environment that does not reset in the same step.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(f"stable-baselines3 resets in the same step, this environment in mode {mode}")
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._returns, self._lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, np.int64)

    def reset(self) -> np.ndarray:
        """First observations, seeded once by `seed`."""
        observation: np.ndarray
        observation, _ = self.env.reset(seed=self._seeds[0])
        refuse_not_finite("observation", observation)
        self._reset_seeds()
        self._returns[:], self._lengths[:] = 0, 0
        return observation

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step the batch.

        Raises:
            FloatingPointError: a reward or an observation is NaN or infinite; says whose.
        """
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        refuse_not_finite("reward", reward)
        refuse_not_finite("observation", observation)
        self._returns += reward
        self._lengths += 1
        done = terminated | truncated
        rows = np.flatnonzero(done)
        if len(rows):
            refuse_not_finite("last observation", np.stack(info["final_obs"][rows]), rows)
        infos = [_NOTHING] * self.num_envs
        for row in rows.tolist():
            infos[row] = self._summary(row, info, bool(truncated[row] and not terminated[row]))
        self._returns[done], self._lengths[done] = 0, 0
        return observation, reward, done, infos

    def get_state(self) -> dict[str, Any]:
        """The batch's own state, with the sessions under way."""
        return {"batch": self.env.get_state(), "returns": self._returns.copy(), "lengths": self._lengths.copy()}  # type: ignore[attr-defined]

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.env.set_state(state["batch"])  # type: ignore[attr-defined]
        self._returns[:], self._lengths[:] = state["returns"], state["lengths"]

    def _summary(self, row: int, info: dict[str, Any], truncated: bool) -> dict[str, Any]:
        session = {name: float(values[row]) for name, values in info.get("session", {}).items()}
        return {
            "terminal_observation": info["final_obs"][row],
            "TimeLimit.truncated": truncated,
            "episode": {"r": float(self._returns[row]), "l": int(self._lengths[row]), "t": 0.0, **session},
        }

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The batch's attribute, once for each environment."""
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set the batch's attribute."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call the batch's method, once."""
        return [getattr(self.env, method_name)(*args, **kwargs)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """A native batch has no wrappers."""
        return [False] * self.num_envs
