"""Logs: sessions with everything that a learner or an estimator may need of them, kept as a Minari data set.

Minari (https://minari.farama.org) is the common format of offline reinforcement learning. In a folder:

    FOLDER/sessions-v0/    the data set; MINARI_DATASETS_PATH=FOLDER makes it minari.load_dataset("sessions-v0")

An episode is a session: `observations` [steps + 1, size]; `actions`, `rewards`, `terminations` and `truncations`
[steps]; and in `infos` [steps + 1], of which row t + 1 speaks of the t-th recommendation, as in Gymnasium,
`propensity`, `click`, and `hidden_enjoyment`, which no platform would know. The session's `user` stands in every row.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.agents.stochastic import Sampled
from recloop.experiments.errors import UsageError
from recloop.experiments.progress import Bar

if TYPE_CHECKING:
    from recloop.envs.task import Task
    from recloop.experiments.evaluate import Luck

DATA_SET = "sessions-v0"
_CHUNK = 100
_PLACE = "MINARI_DATASETS_PATH"


class Log(NamedTuple):
    """Sessions of one policy that chose with known probabilities; what comes after a session's end is 0, or -1."""

    users: NDArray[np.int64]  # [sessions]
    steps: NDArray[np.int64]  # [sessions] how long each was
    observations: NDArray[np.float32]  # [sessions, longest + 1, size]
    items: NDArray[np.int64]  # [sessions, longest] -1 after the end
    propensities: NDArray[np.float64]  # [sessions, longest] probability of the item, when it was recommended
    clicks: NDArray[np.float32]  # [sessions, longest]
    rewards: NDArray[np.float32]  # [sessions, longest]
    enjoyments: NDArray[np.float32]  # [sessions, longest] hidden: probability of the click
    left: NDArray[np.bool_]  # [sessions] the user lost patience (terminated); the others' time was up (truncated)

    @property
    def under_way(self) -> NDArray[np.bool_]:
        """Where something was recommended, [sessions, longest]."""
        return np.arange(self.items.shape[1]) < self.steps[:, None]


def record(task: "Task", policy: Sampled, luck: "Luck", bar: Bar) -> Log:
    """The sessions of `policy` under `luck`; `bar` advances a step of all sessions at a time.

    Raises:
        UsageError: the environment shows slates.
    """
    if (slate := task.simulator.choice.slate) > 1:
        raise UsageError(f"env.choice shows {slate} items at once; logs are of one item a step: env/choice=click")
    longest, n = luck.clicks.shape
    session = task.arrive(task.simulator.arrive(luck.who, luck.arrival))
    first = task.read(session)
    log = _empty(luck.who, longest, first.shape[1])
    log.observations[:, 0] = first
    under_way, start, memory = np.ones(n, bool), np.ones(n, bool), None
    for step in range(longest):
        observation = task.read(session)
        items, memory = policy.predict(observation, state=memory, episode_start=start)
        session, outcome = task.step(session, items, luck.clicks[step])
        now: dict[str, NDArray[Any]] = {
            "items": items,
            "propensities": policy.propensities,
            "clicks": outcome.response.click,
            "rewards": outcome.reward,
            "enjoyments": outcome.response.enjoyment,
        }
        for name, values in now.items():
            getattr(log, name)[under_way, step] = values[under_way]
        log.observations[under_way, step + 1] = task.read(session)[under_way]
        log.steps[under_way] += 1
        log.left[under_way] = outcome.terminated[under_way]
        under_way &= ~(outcome.terminated | outcome.truncated)
        start = np.zeros(n, bool)
        bar.advance(1)
    return log


def _empty(users: NDArray[np.int64], longest: int, size: int) -> Log:
    """A log of `users` in which nothing has been recommended yet."""
    n = len(users)
    return Log(
        users=users.astype(np.int64),
        steps=np.zeros(n, np.int64),
        observations=np.zeros((n, longest + 1, size), np.float32),
        items=np.full((n, longest), -1, np.int64),
        propensities=np.zeros((n, longest)),
        clicks=np.zeros((n, longest), np.float32),
        rewards=np.zeros((n, longest), np.float32),
        enjoyments=np.zeros((n, longest), np.float32),
        left=np.zeros(n, bool),
    )


def save_log(folder: Path, log: Log, num_items: int, policy: str, bar: Bar) -> None:
    """Write the Minari data set in `folder`, which appears whole or not at all; `bar` advances by sessions.

    Raises:
        UsageError: Minari is not installed, or `folder` holds a log already.
    """
    import warnings

    minari = _minari()
    if (folder / DATA_SET).exists():
        raise UsageError(f"{folder}: holds a log already; choose another folder")
    from gymnasium import spaces

    most = float(np.finfo(np.float32).max)
    workshop = folder / ".partial"
    shutil.rmtree(workshop, ignore_errors=True)  # of a process that was killed
    try:
        with _datasets_in(workshop), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an author's address, and of an environment's id
            data_set = minari.create_dataset_from_buffers(
                DATA_SET,
                [],
                observation_space=spaces.Box(-most, most, log.observations.shape[2:], np.float32),
                action_space=spaces.Discrete(num_items),
                algorithm_name=policy,
                author="recloop",
                description="Simulated sessions with propensities, by recloop log.",
                data_format="hdf5",
            )
        for begin in range(0, len(log.users), _CHUNK):
            rows = range(begin, min(begin + _CHUNK, len(log.users)))
            data_set.storage.update_episodes([_episode(log, row) for row in rows])
            bar.advance(len(rows))
        (workshop / DATA_SET).rename(folder / DATA_SET)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _episode(log: Log, row: int) -> Any:
    from minari.data_collector.episode_buffer import EpisodeBuffer

    steps = int(log.steps[row])
    last = np.arange(steps) == steps - 1
    return EpisodeBuffer(
        id=row,
        observations=log.observations[row, : steps + 1],
        actions=log.items[row, :steps],
        rewards=log.rewards[row, :steps],
        terminations=last & log.left[row],
        truncations=last & ~log.left[row],
        infos={
            "user": np.full(steps + 1, log.users[row]),
            "propensity": _after_first(log.propensities[row, :steps]),
            "click": _after_first(log.clicks[row, :steps]),
            "hidden_enjoyment": _after_first(log.enjoyments[row, :steps]),
        },
    )


def _after_first(values: NDArray[Any]) -> NDArray[Any]:
    """Values [steps] in the rows 1, 2, ... of an info; row 0, of the reset, is 0."""
    return np.concatenate([np.zeros(1, values.dtype), values])


def load_log(folder: Path, bar: Bar | None = None) -> Log:
    """The log that `save_log` wrote to `folder`, bit for bit.

    Raises:
        UsageError: Minari is not installed; the data set is missing, damaged, or lacks what a log needs.
    """
    minari = _minari()
    place = folder / DATA_SET / "data"
    if not place.is_dir():
        raise UsageError(f"{folder}: holds no {DATA_SET}; name a folder that `recloop log` has written")
    try:
        data_set = minari.MinariDataset(place)
        episodes = []
        for episode in data_set.iterate_episodes():
            episodes.append(episode)
            if bar:
                bar.advance(1)
        return _joined(episodes)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise UsageError(f"{place}: not a whole log ({reason}); record it again") from error


def _joined(episodes: list[Any]) -> Log:
    """Episodes of different length, as one log."""
    steps = np.array([len(episode.rewards) for episode in episodes], np.int64)
    users = np.array([episode.infos["user"][0] for episode in episodes], np.int64)
    log = _empty(users, int(steps.max()), episodes[0].observations.shape[1])
    log.steps[:] = steps
    for row, (episode, length) in enumerate(zip(episodes, steps, strict=True)):
        log.observations[row, : length + 1] = episode.observations
        log.items[row, :length] = episode.actions
        log.rewards[row, :length] = episode.rewards
        log.propensities[row, :length] = episode.infos["propensity"][1:]
        log.clicks[row, :length] = episode.infos["click"][1:]
        log.enjoyments[row, :length] = episode.infos["hidden_enjoyment"][1:]
        log.left[row] = episode.terminations[-1]
    chances = log.propensities[log.under_way]
    if not ((chances > 0) & (chances <= 1)).all():
        raise ValueError("a propensity is not in (0, 1]")
    return log


@contextmanager
def _datasets_in(folder: Path) -> Iterator[None]:
    """Minari keeps its data sets in `folder` within the block."""
    before = os.environ.get(_PLACE)
    os.environ[_PLACE] = str(folder.resolve())  # Minari joins a relative one to itself
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PLACE]
        else:
            os.environ[_PLACE] = before


def _minari() -> Any:
    """The library, which comes with an extra.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import h5py  # noqa: F401  its storage
        import minari
    except ImportError as error:
        raise UsageError(f"logs need Minari and h5py ({error}); pip install 'recloop[logs]'") from error
    return minari
