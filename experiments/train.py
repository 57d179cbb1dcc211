"""Train one agent: stable-baselines3 learns, this records."""

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from recloop.experiments.keeper import Keeper
from recloop.experiments.progress import Bar, Reporter, progress
from recloop.experiments.signals import PutOff, Stopped, put_off

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv

    from recloop.agents.policy import ItemSpace, Policy
    from recloop.envs.task import Task
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.sessions import Curve
    from recloop.experiments.setting import Setting
    from recloop.experiments.tracking import Tracker
    from recloop.experiments.transfer import Deployed

OnPoint: TypeAlias = Callable[[int, float], None]

ROWS = 100
"""Rows of training figures in the journal of a whole run."""


class Agent(Protocol):
    """What `configs/agent/*.yaml` describe."""

    @property
    def num_envs(self) -> int:
        """How many users it serves at once."""

    @property
    def name(self) -> str:
        """What the agent is called in tables."""

    def learner(self, env: "VecEnv", items: "ItemSpace", seed: int, device: str) -> "BaseAlgorithm":
        """The stable-baselines3 model, ready to learn."""


class Trained(NamedTuple):
    """What training came to."""

    model: "BaseAlgorithm"
    policy: "Policy"  # the model, where it is evaluated
    curve: "Curve"
    stopped: Stopped | None  # by a signal; the model is as far as it came


def train(
    agent: Agent,
    setting: "Setting",
    luck: "Luck",
    *,
    steps: int,
    curve_points: int,
    seed: int,
    device: str,
    tracker: "Tracker",
    keeper: Keeper | None,
    reporter: Reporter,
    label: str,
    on_point: OnPoint | None = None,
) -> Trained:
    """Let `agent` learn for `steps` recommendations, evaluated `curve_points` times on held-out users under `luck`.

    Training goes on from what `keeper` has kept; without one nothing is kept. A signal ends training, not the process.
    `on_point` is told steps and clicks per session of every evaluation; it may raise `Stopped`, which is like a signal.
    """
    from recloop.experiments.reading import blaming
    from recloop.experiments.seeding import seed_everything
    from recloop.experiments.sessions import Curve
    from recloop.experiments.transfer import Deployed, learner

    with blaming("agent"):
        deployed = Deployed(agent, setting, seed, device)
        seed_everything(seed)
        model = learner(agent, setting.train, seed, device, stagger=True)
    record = Record()
    stopped = None
    with progress(reporter, label, steps) as bar, put_off() as signals:
        recorder = _recorder(
            setting.held_out, deployed, luck, tracker, keeper, signals, bar, steps, curve_points, record, on_point
        )
        try:
            model.learn(steps, callback=recorder, log_interval=None)  # type: ignore[arg-type]
        except KeyboardInterrupt as stop:
            stopped = stop if isinstance(stop, Stopped) else Stopped(signal.SIGINT)
        if signals.received and stopped is None:
            stopped = Stopped(signals.received)
    at, clicks = np.array(record.points).T if record.points else np.empty((2, 0))
    return Trained(model, deployed(model), Curve(at.astype(np.int32), clicks.astype(np.float32)), stopped)


@dataclass
class Record:
    """How far the rows of a run are."""

    told: int = 0  # steps that the progress bar knows of
    next_row: float = 0.0
    next_point: float = 0.0
    points: list[tuple[int, float]] = field(default_factory=list)  # steps and clicks per session of each evaluation


def _recorder(
    task: "Task",
    deployed: "Deployed",
    luck: "Luck",
    tracker: "Tracker",
    keeper: Keeper | None,
    signals: PutOff,
    bar: Bar,
    steps: int,
    curve_points: int,
    record: Record,
    on_point: OnPoint | None,
) -> "BaseCallback":
    """A callback that writes rows, evaluates and keeps, between rollouts, where no transition is half stored."""
    from stable_baselines3.common.callbacks import BaseCallback

    from recloop.experiments.evaluate import play

    class Recorder(BaseCallback):
        def _on_training_start(self) -> None:
            if keeper is not None and (kept := keeper.put_back(self.model)) is not None:
                self.num_timesteps = self.model.num_timesteps
                vars(record).update(kept, told=0)

        def _on_rollout_start(self) -> None:
            self._write(last=False)
            if keeper is not None and (keeper.is_due() or signals.received):
                keeper.keep(self.model, vars(record))
            signals.raise_received()

        def _on_training_end(self) -> None:
            self._write(last=True)

        def _on_step(self) -> bool:
            return True

        def _write(self, last: bool) -> None:
            now = self.num_timesteps
            row: dict[str, Any] = {}
            if now >= record.next_row or last:
                row, record.next_row = _figures(self.model), now + steps / ROWS
            if now >= record.next_point or last:
                record.next_point = now + steps / curve_points
                clicks = float(play(task, deployed(self.model), luck).clicks.sum(axis=1).mean())
                record.points.append((now, clicks))
                row["held_out/clicks_per_session"] = clicks
            if row:
                tracker.write({"steps": now, **row})
                bar.advance(now - record.told, clicks_per_session=record.points[-1][1])
                record.told = now
            if on_point is not None and "held_out/clicks_per_session" in row:
                on_point(*record.points[-1])

    return Recorder()


def _figures(model: "BaseAlgorithm") -> dict[str, float]:
    """The learner's own latest figures, and those of the sessions that ended lately."""
    logged: Mapping[str, Any] = model.logger.name_to_value
    figures = {name: float(value) for name, value in logged.items() if name.startswith("train/")}
    ended = list(model.ep_info_buffer or [])
    if ended:
        figures["train/clicks_per_session"] = float(np.mean([session["clicks"] for session in ended]))
        figures["train/session_return"] = float(np.mean([session["r"] for session in ended]))
        figures["train/session_steps"] = float(np.mean([session["l"] for session in ended]))
    return figures


if __name__ == "__main__":
    from recloop.experiments.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
