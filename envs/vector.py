"""The batched environment: Gymnasium's VectorEnv over a task, with same-step autoreset."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from recloop.envs import kernels
from recloop.envs.arrivals import Arrivals
from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.observations import size_of
from recloop.envs.slates import Slates, unfit
from recloop.envs.task import Outcome, Session, Task
from recloop.envs.words import in_words

METADATA: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}


class RecommendVectorEnv(VectorEnv[Floats, Ints, np.ndarray]):
    """`num_envs` users at once; one action recommends one item to each.

    Observation: float32 [num_envs, size], blocks named in `layout`. Action: int [num_envs], rows of the catalog, or
    [num_envs, slate], each item at most once in a slate; positions among candidates or vectors where `Task.actions` say
    so.
    Reward: float32 [num_envs]. A session that ends is replaced within the same step; its last observation is in
    `info["final_obs"]`, its clicks and steps in `info["session"]`, for the rows marked in `info["_final_obs"]`. The
    info is empty while no session ends.

    Args:
        num_envs: how many users are served at once.
        task: what is simulated; by default `Task.synthetic(**synthetic)`.
        stagger: begin with sessions of every age, so that they do not all end in the same step. For training.
        render_mode: None or "ansi".
        max_episode_steps: longest session of the synthetic task (Gymnasium's own name for it).
        synthetic: arguments of `Task.synthetic`, when no task is given.
    """

    metadata: ClassVar[dict[str, Any]] = {**METADATA, "autoreset_mode": AutoresetMode.SAME_STEP}  # type: ignore[misc]

    def __init__(
        self,
        num_envs: int = 1,
        task: Task | None = None,
        *,
        stagger: bool = False,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **synthetic: Any,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}; serve at least 1 user")
        self.task = given_or_synthetic(task, render_mode, max_episode_steps, synthetic)
        self.num_envs, self.stagger, self.render_mode = num_envs, stagger, render_mode
        self.single_observation_space, self.single_action_space = spaces_of(self.task)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = _batched(self.single_action_space, num_envs)
        self.session: Session
        self._arrivals = Arrivals(self.task, num_envs)
        self._shown: tuple[Ints, Outcome] | None = None
        self._observed: Floats
        self._clicks: Floats

    @property
    def layout(self) -> dict[str, slice]:
        """Named blocks of the observation."""
        return self.task.layout

    @property
    def clicks(self) -> Floats:
        """What each user clicked of the last recommendation, 1 or 0, [num_envs] or [num_envs, slate].

        An attribute, for those who learn from every answer: infos are empty while no session ends. After a step only.
        """
        assert self._shown is not None, "nobody has been recommended anything yet"
        return self._shown[1].response.click

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Let new users come. `options` are not used."""
        super().reset(seed=seed)
        if seed is not None:
            self._arrivals.start_over()
        self.session, self._shown = self._arrivals.come(self.num_envs, self.np_random), None
        if self.stagger:
            ages = self.np_random.permutation(self.num_envs) * self.task.simulator.sessions.max_steps // self.num_envs
            self.session = self.task.arrive(self.session.users._replace(clock=ages))
        self._clicks = np.zeros(self.num_envs, np.float32)
        observations = self.task.read(self.session)
        self._remember(observations)
        return observations, {}

    def step(self, actions: Ints) -> tuple[Floats, Floats, Bools, Bools, dict[str, Any]]:
        """Recommend one item, or one slate, to each user."""
        items = self._items(np.asarray(actions))
        self.session, outcome = self.task.step(self.session, items, self.np_random.random(items.shape, np.float32))
        self._shown = items, outcome
        self._clicks += outcome.response.clicks
        ended = outcome.terminated | outcome.truncated
        rows = ended.nonzero()[0]
        observations = self.task.read(self.session)  # [num_envs, size]
        info = self._start_anew(ended, rows, observations) if len(rows) else {}
        self._remember(observations)
        return observations, outcome.reward, outcome.terminated, outcome.truncated, info

    def action_masks(self) -> Bools:
        """Which items, or candidates, may be said now, [num_envs, slate * items or candidates], for sb3-contrib."""
        seen = self.task.read(self.session) if self.task.actions.plain else self._observed
        return self.task.actions.masks(seen)

    def _items(self, said: np.ndarray) -> Ints:
        """What is recommended, [num_envs] or [num_envs, slate]."""
        if not self.task.actions.plain:
            return self.task.actions.items(said, self._observed)
        if said.ndim == 2:
            refuse_unfit(said, self.task)
        elif not kernels.within(said, self.task.simulator.world.num_items):  # -1 would quietly be the last item
            raise ValueError(f"items from {said.min()} to {said.max()}; choose from {self.single_action_space}")
        return said

    def _remember(self, observations: Floats) -> None:
        """Keep a copy of what the agents see, where it is needed to understand what they say."""
        if not self.task.actions.plain:
            self._observed = observations.copy()

    def _start_anew(self, ended: Bools, rows: Ints, observations: Floats) -> dict[str, Any]:
        """Replace the users in `rows`, whose sessions have ended, and what is seen of them in `observations`.

        Returns what the info says of those who left, as Gymnasium has it.
        """
        info = {
            "final_obs": _objects(self.num_envs, rows, observations[rows]),
            "_final_obs": ended,
            "session": {"clicks": self._clicks.copy(), "steps": self.session.users.clock.copy()},
            "_session": ended,
        }
        fresh = self._arrivals.come(len(rows), self.np_random)
        self.session.replace(rows, fresh)
        observations[rows] = self.task.read(fresh)
        self._clicks[rows] = 0
        return info

    def render(self) -> tuple[str, ...] | None:
        """What was recommended, how each user answered and how bored they are, in words; None without `render_mode`."""
        if self.render_mode is None:
            return None
        return tuple(in_words(self.task, self.session.users, self._shown, row) for row in range(self.num_envs))

    def get_state(self) -> dict[str, Any]:
        """All that the next step depends on: plain arrays, and the state of the random generator."""
        return {
            "session": self.session.get_state(),
            "arrivals": self._arrivals.get_state(),
            "clicks": self._clicks.copy(),
            "rng": self.np_random.bit_generator.state,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.session, self._shown = self.task.restored(state["session"]), None
        self._arrivals.set_state(state["arrivals"])
        self._clicks = state["clicks"].copy()
        self.np_random.bit_generator.state = state["rng"]
        self._remember(self.task.read(self.session))


def given_or_synthetic(
    task: Task | None, render_mode: str | None, max_episode_steps: int | None, synthetic: dict[str, Any]
) -> Task:
    """The task of an environment from the arguments that both environments share."""
    if render_mode not in (None, *METADATA["render_modes"]):
        raise ValueError(f"render_mode is {render_mode!r}; choose None or 'ansi'")
    if max_episode_steps is not None:
        synthetic = {**synthetic, "max_steps": max_episode_steps}
    if task is not None:
        if synthetic:
            raise ValueError(f"{', '.join(synthetic)}: for the synthetic task only; leave out, since a task is given")
        return task
    return Task.synthetic(**synthetic)


def spaces_of(task: Task) -> tuple[Any, Any]:
    """Observation space (a Box) and action space (Discrete; `Slates` of several items; a Box of vectors) of one user.

    The bounds of the Box are no promise but what Gymnasium's checker asks for, finite numbers: how far the exposure
    goes is up to the dynamics.
    """
    most = float(np.finfo(np.float32).max)
    return spaces.Box(-most, most, (size_of(task.layout),), np.float32), task.actions.space


def refuse_unfit(slates: Ints, task: Task) -> None:
    """Refuse `slates` [n, slate] that name an item twice, or one that is not there or may not stand there."""
    if words := unfit(slates, task.simulator.world.num_items, task.slots):
        raise ValueError(words)


def _batched(single: Any, num_envs: int) -> Any:
    if isinstance(single, Slates):
        return Slates(single.num_items, single.slate, single.slots, num_envs)
    return batch_space(single, num_envs)


def _objects(n: int, rows: Ints, observations: Floats) -> np.ndarray:
    """An array [n] that holds the `observations` [k, size] in the `rows` [k], None elsewhere."""
    objects = np.empty(n, object)  # of None
    objects[rows] = np.fromiter(observations, object, len(rows))
    return objects
