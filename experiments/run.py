"""One run: one agent, one seed, one folder."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from recloop.encoders.files import write_atomically
from recloop.experiments.build import Setting, instantiate
from recloop.experiments.errors import UsageError
from recloop.experiments.manifest import Status, ended, manifest, results, write_manifest
from recloop.experiments.progress import Reporter
from recloop.experiments.redaction import redact
from recloop.experiments.sessions import Played, save_sessions
from recloop.experiments.signals import Stopped

if TYPE_CHECKING:
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.journal import Journal
    from recloop.experiments.keeper import Keeper
    from recloop.experiments.tracking import Tracker, Trackers
    from recloop.experiments.train import Agent, OnPoint, Trained

TOLD = (
    "name", "seed", "steps", "device", "threads", "run_dir", "experiment", "suite",
    "env", "prompts", "encoder", "projection", "agent", "evaluation", "tracking", "checkpoint_seconds",
)  # fmt: skip
"""Top-level keys of the configuration: all of recloop's own, and nothing that somebody may have added."""


def stored_config(cfg: DictConfig) -> dict[str, Any]:
    """The configuration as config.json holds it."""
    return redact(plain(cfg), TOLD)


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration without interpolations."""
    container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


@contextmanager
def recorded(
    cfg: DictConfig, folder: Path, command: list[str], seeds: list[int], fingerprints: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Keep config.json and manifest.json of the run that is made in the block: how it began, and how it ended.

    Gives the manifest as it is at the start. Nobody else may be at work in the folder.

    Raises:
        Stopped: a signal has come; it says how to go on.
        UsageError: the folder cannot be written, or another process is at work in it.
    """
    from recloop.experiments.resume import alone

    try:
        with alone(folder):
            started = _begin(cfg, folder, command, seeds, fingerprints)
            status: Status = "failed"
            try:
                yield started
                status = "finished"
            except KeyboardInterrupt as stop:
                status = "interrupted"
                number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
                done = f"{stop}; " if str(stop) else ""
                raise Stopped(number, f"{done}go on with resume=true run_dir={folder}") from None
            finally:
                write_manifest(folder / "manifest.json", ended(started, status, results(folder)))
    except BrokenPipeError:  # of whoever reads the output
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(
            f"cannot write to {folder}: {reason}; free some room there, or choose another folder with run_dir=..."
        ) from error


def _begin(
    cfg: DictConfig, folder: Path, command: list[str], seeds: list[int], fingerprints: dict[str, str]
) -> dict[str, Any]:
    from recloop.experiments.resume import begun

    config = stored_config(cfg)
    started = manifest(command, TOLD, seeds, fingerprints, cfg.threads, cfg.device, config)
    if cfg.resume and (before := begun(folder, config)):
        again = [*before.manifest.get("resumed", []), started["started"]]
        started = {**started, "started": before.manifest["started"], "resumed": again}
    try:
        write_atomically(folder / "config.json", json.dumps(config, indent=2).encode())
        write_manifest(folder / "manifest.json", started)
    except OSError:
        if not cfg.resume:
            (folder / "config.json").unlink(missing_ok=True)
        raise
    return started


def final_luck(cfg: DictConfig, setting: Setting) -> "Luck":
    """The luck of the figures that are reported."""
    from recloop.experiments.evaluate import Luck

    simulator, evaluation = setting.held_out.simulator, cfg.evaluation
    steps = simulator.sessions.max_steps
    return Luck.draw(simulator.population, evaluation.sessions_per_user, steps, evaluation.seed)


def run(
    cfg: DictConfig,
    folder: Path,
    setting: Setting,
    policy: str | None,
    reporter: Reporter,
    label: str,
    on_point: "OnPoint | None" = None,
) -> Played:
    """Train, evaluate and keep one agent.

    Args:
        cfg: the whole configuration.
        folder: the run folder.
        setting: where the agent trains and is evaluated, as `cfg` says.
        policy: name in the table; None for the agent's own.
        reporter: is told how far it is.
        label: under which it is told.
        on_point: see `train`.

    Raises:
        Stopped: a signal has come; weights, journal and the state of training are kept.
        UsageError: naming key, value and remedy.
    """
    from recloop.experiments.checkpoints import save_weights
    from recloop.experiments.evaluate import play
    from recloop.experiments.seeding import set_threads

    set_threads(cfg.threads)
    agent: Agent = instantiate(cfg.agent, "agent")
    journal, keeper = _kept(cfg, folder)
    with _trackers(cfg, folder, agent.name, journal) as tracker:
        trained = _train(cfg, agent, setting, tracker, keeper, reporter, label, on_point)
        setting.projection.save(folder / "checkpoints" / "projection.safetensors")
        save_weights(folder / "checkpoints" / "final.safetensors", trained.model.policy.state_dict())
        if trained.stopped:
            raise trained.stopped
        sessions = play(setting.held_out, trained.model, final_luck(cfg, setting))
        clicks = float(sessions.clicks.sum(axis=1).mean())
        tracker.write({"steps": trained.model.num_timesteps, "final/clicks_per_session": clicks})
    played = Played(policy or agent.name, setting.train.observation.sees, True, (sessions,), (trained.curve,))
    save_sessions(folder / "episodes.parquet", [played])
    keeper.forget()
    return played


def _kept(cfg: DictConfig, folder: Path) -> tuple["Journal", "Keeper"]:
    """The journal up to where the run goes on, and the keeper of its states."""
    from recloop.experiments.journal import Journal
    from recloop.experiments.keeper import Keeper, kept

    checkpoints, path = folder / "checkpoints", folder / "metrics.jsonl"
    try:
        state, length = kept(checkpoints, resume=cfg.resume)
        journal = Journal(path, length)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return journal, Keeper(checkpoints, journal, cfg.checkpoint_seconds, state)


def _trackers(cfg: DictConfig, folder: Path, name: str, journal: "Journal") -> "Trackers":
    """The journal, and its mirrors, which begin with the rows that it has."""
    from recloop.experiments.tracking import Trackers, WandbSettings

    settings: WandbSettings = instantiate(cfg.tracking, "tracking")
    mirrors = settings.open(
        folder,
        group=cfg.name,
        job_type="train",
        name=f"{name} seed {cfg.seed}",
        config=stored_config(cfg),
        rows=journal.rows,
    )
    return Trackers(journal, mirrors)


def _train(
    cfg: DictConfig,
    agent: "Agent",
    setting: Setting,
    tracker: "Tracker",
    keeper: "Keeper",
    reporter: Reporter,
    label: str,
    on_point: "OnPoint | None",
) -> "Trained":
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.train import train

    simulator = setting.held_out.simulator
    return train(
        agent,
        setting,
        Luck.draw(simulator.population, 1, simulator.sessions.max_steps, cfg.evaluation.seed),
        steps=cfg.steps,
        curve_points=cfg.evaluation.curve_points,
        seed=cfg.seed,
        device=cfg.device,
        tracker=tracker,
        keeper=keeper,
        reporter=reporter,
        label=label,
        on_point=on_point,
    )
