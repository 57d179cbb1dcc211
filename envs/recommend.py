"""The single environment: a batch of one."""

from typing import Any, ClassVar

import gymnasium
import numpy as np

from recloop.envs.arrivals import Arrivals
from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.task import Outcome, Session, Task
from recloop.envs.vector import METADATA, given_or_synthetic, refuse_unfit, spaces_of
from recloop.envs.words import in_words


class RecommendEnv(gymnasium.Env[Floats, Any]):
    """One user; an action recommends one item, or a slate, in the way of `Task.actions`.

    Step for step as `RecommendVectorEnv` with `num_envs=1`.

    Args:
        task: what is simulated; by default `Task.synthetic(**synthetic)`.
        render_mode: None or "ansi".
        max_episode_steps: longest session of the synthetic task; the environment truncates by itself.
        synthetic: arguments of `Task.synthetic`, when no task is given.
    """

    metadata: ClassVar[dict[str, Any]] = METADATA  # type: ignore[misc]

    def __init__(
        self,
        task: Task | None = None,
        *,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **synthetic: Any,
    ) -> None:
        self.task, self.render_mode = given_or_synthetic(task, render_mode, max_episode_steps, synthetic), render_mode
        self.observation_space, self.action_space = spaces_of(self.task)
        self.session: Session
        self._arrivals = Arrivals(self.task, num_envs=1)
        self._shown: tuple[np.ndarray, Outcome] | None = None
        self._observed: Floats

    @property
    def layout(self) -> dict[str, slice]:
        """Named blocks of the observation."""
        return self.task.layout

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Let a new user come. `options` are not used."""
        super().reset(seed=seed)
        if seed is not None:
            self._arrivals.start_over()
        self.session, self._shown = self._arrivals.come(1, self.np_random), None
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Recommend; the info tells what was clicked and how likely that was, each a list for slates."""
        items = self._items(action)
        self.session, outcome = self.task.step(self.session, items, self.np_random.random(items.shape, np.float32))
        self._shown = items, outcome
        told = float if items.ndim == 1 else np.ndarray.tolist
        info = {"click": told(outcome.response.click[0]), "enjoyment": told(outcome.response.enjoyment[0])}
        ended = bool(outcome.terminated[0]), bool(outcome.truncated[0])
        return self._observe(), float(outcome.reward[0]), *ended, info

    def action_masks(self) -> Bools:
        """Which items, or candidates, may be said now, [slate * items or candidates], for sb3-contrib."""
        seen = self.task.read(self.session) if self.task.actions.plain else self._observed
        may: Bools = self.task.actions.masks(seen)[0]
        return may

    def _items(self, action: Any) -> Ints:
        """What is recommended, [1] or [1, slate]."""
        said = np.array([action])
        if not self.task.actions.plain:
            return self.task.actions.items(said, self._observed)
        if said.ndim == 2:
            refuse_unfit(said, self.task)
        elif not 0 <= action < self.task.simulator.world.num_items:  # -1 would quietly be the last item
            raise ValueError(f"item {action}; choose from {self.action_space}")
        return said

    def _observe(self) -> Floats:
        """What the agent sees; a copy stays here, where it is needed to understand what it says."""
        observations = self.task.read(self.session)
        if not self.task.actions.plain:
            self._observed = observations.copy()
        one: Floats = observations[0]
        return one

    def render(self) -> str | None:
        """What was recommended, how the user answered and how bored they are, in words; None without `render_mode`."""
        return None if self.render_mode is None else in_words(self.task, self.session.users, self._shown, 0)
