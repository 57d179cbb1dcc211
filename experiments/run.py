"""One run: one agent, one seed, one folder."""

import json
import math
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from recloop.encoders.files import write_atomically
from recloop.experiments.build import instantiate
from recloop.experiments.errors import UsageError
from recloop.experiments.manifest import Status, ended, manifest, results, write_manifest
from recloop.experiments.progress import Reporter
from recloop.experiments.redaction import redact
from recloop.experiments.sessions import Played, save_sessions
from recloop.experiments.setting import Setting
from recloop.experiments.signals import Stopped
from recloop.experiments.worlds import Fidelity

if TYPE_CHECKING:
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.keeper import Keeper
    from recloop.experiments.tracking import Trackers
    from recloop.experiments.train import Agent, OnPoint, Trained

TOLD = (
    "name", "seed", "steps", "device", "threads", "run_dir", "experiment", "suite",
    "env", "prompts", "deploy", "encoder", "projection", "agent", "evaluation", "tracking", "checkpoint_seconds",
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
    cfg: DictConfig,
    folder: Path,
    command: list[str],
    seeds: list[int],
    fingerprints: dict[str, str],
    fidelity: Fidelity | None = None,
) -> Iterator[dict[str, Any]]:
    """Keep config.json and manifest.json of the run that is made in the block: how it began, and how it ended.

    Gives the manifest as it is at the start; what is added to it is kept at the end. Nobody else may be at work in the
    folder.

    Raises:
        Stopped: a signal has come; it says how to go on.
        UsageError: the folder cannot be written, or another process is at work in it.
    """
    from recloop.experiments.resume import alone

    try:
        with alone(folder):
            started = _begin(cfg, folder, command, seeds, fingerprints, fidelity)
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
    cfg: DictConfig,
    folder: Path,
    command: list[str],
    seeds: list[int],
    fingerprints: dict[str, str],
    fidelity: Fidelity | None,
) -> dict[str, Any]:
    from recloop.experiments.resume import begun

    config = stored_config(cfg)
    figures = fidelity._asdict() if fidelity else {}
    started = manifest(command, TOLD, seeds, fingerprints, cfg.threads, cfg.device, config, figures)
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


def note_reading(started: dict[str, Any], setting: Setting) -> None:
    """Have the manifest say what reading prompts has come to, of the process that finished the run."""
    if setting.reading is not None:
        started["reading"] = setting.reading._asdict()


def final_luck(cfg: DictConfig, setting: Setting) -> "Luck":
    """The luck of the figures that are reported."""
    from recloop.experiments.evaluate import Luck

    return Luck.draw(setting.held_out.simulator, cfg.evaluation.sessions_per_user, cfg.evaluation.seed)


class Records(NamedTuple):
    """An agent that is about to learn, and where it is recorded."""

    agent: "Agent"
    keeper: "Keeper"
    tracker: "Trackers"


@contextmanager
def opened(cfg: DictConfig, folder: Path) -> Iterator[Records]:
    """The records of the run in `folder`, open in the block; at its end W&B is shown the files that the run has made.

    A run that is resumed goes on where its last state was kept.

    Raises:
        UsageError: its journal is damaged, or `cfg` describes no agent or tracking.
    """
    from recloop.experiments.journal import Journal
    from recloop.experiments.keeper import Keeper, kept
    from recloop.experiments.seeding import set_threads
    from recloop.experiments.tracking import Trackers, WandbSettings

    set_threads(cfg.threads)
    agent: Agent = instantiate(cfg.agent, "agent")
    settings: WandbSettings = instantiate(cfg.tracking, "tracking")
    try:
        state, length = kept(folder / "checkpoints", resume=cfg.resume)
        journal = Journal(folder / "metrics.jsonl", length)
    except ValueError as error:
        raise UsageError(str(error)) from error
    keeper = Keeper(folder / "checkpoints", journal, cfg.checkpoint_seconds, state)
    title, config = f"{agent.name} seed {cfg.seed}", stored_config(cfg)
    mirrors = settings.open(folder, group=cfg.name, job_type="train", name=title, config=config, rows=journal.rows)
    with Trackers(journal, mirrors) as tracker:
        yield Records(agent, keeper, tracker)
        tracker.publish(folder)


def run(
    cfg: DictConfig,
    folder: Path,
    setting: Setting,
    records: Records,
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
        records: as `opened` gives them.
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
    from recloop.experiments.recommended import describe

    trained = _train(cfg, setting, records, reporter, label, on_point)
    setting.projection.save(folder / "checkpoints" / "projection.safetensors")
    save_weights(folder / "checkpoints" / "final.safetensors", trained.model.policy.state_dict())
    if trained.stopped:
        raise trained.stopped
    sessions = play(setting.held_out, trained.policy, final_luck(cfg, setting))
    clicks, world = float(sessions.clicks.sum(axis=1).mean()), setting.held_out.simulator.world
    figures = describe(sessions, world.vectors, world.popularity)
    shown = {f"final/{name}": value for name, value in figures.items() if math.isfinite(value)}
    records.tracker.write({"steps": trained.model.num_timesteps, "final/clicks_per_session": clicks, **shown})
    name, sees = policy or records.agent.name, setting.train.observation.sees
    played = Played(name, sees, True, (sessions,), (trained.curve,))
    save_sessions(folder / "episodes.parquet", [played])
    records.keeper.forget()
    return played


def _train(
    cfg: DictConfig,
    setting: Setting,
    records: Records,
    reporter: Reporter,
    label: str,
    on_point: "OnPoint | None",
) -> "Trained":
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.train import train

    return train(
        records.agent,
        setting,
        Luck.draw(setting.held_out.simulator, 1, cfg.evaluation.seed),
        steps=cfg.steps,
        curve_points=cfg.evaluation.curve_points,
        seed=cfg.seed,
        device=cfg.device,
        tracker=records.tracker,
        keeper=records.keeper,
        reporter=reporter,
        label=label,
        on_point=on_point,
    )
