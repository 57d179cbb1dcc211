"""The environment that does nothing: what a learner reaches with it, nobody's environment surpasses."""

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from recloop.agents.policy import Floats


class Nothing(VecEnv):
    """Always the same observations and no reward; no session ends.

    Args:
        observations: what is always seen, [n, size].
        observation_space: of one user.
        action_space: of one user.
    """

    def __init__(self, observations: Floats, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]):
        n = len(observations)
        super().__init__(n, observation_space, action_space)
        self.observations, self.rewards, self.dones = observations, np.zeros(n, np.float32), np.zeros(n, np.bool_)
        self.infos: list[dict[str, Any]] = [{}] * n

    def reset(self) -> Floats:
        """The observations."""
        return self.observations

    def step_async(self, actions: np.ndarray) -> None:
        """Nothing."""

    def step_wait(self) -> tuple[Floats, Floats, np.ndarray, list[dict[str, Any]]]:
        """The same as ever."""
        return self.observations, self.rewards, self.dones, self.infos

    def close(self) -> None:
        """Nothing."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """None, which is the `render_mode` that the parent asks for."""
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Nothing."""

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Nothing."""
        return []

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No wrappers."""
        return [False] * self.num_envs
