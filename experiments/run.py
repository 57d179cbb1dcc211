"""One run: one agent, one seed, one folder."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from recloop.encoders.files import write_atomically
from recloop.experiments.build import Setting, build_setting, instantiate
from recloop.experiments.manifest import ended, manifest, write_manifest
from recloop.experiments.progress import Reporter
from recloop.experiments.redaction import redact
from recloop.experiments.sessions import Played, save_sessions

if TYPE_CHECKING:
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.train import Agent

log = logging.getLogger(__name__)

TOLD = (
    "name", "seed", "steps", "device", "threads", "run_dir", "experiment", "suite",
    "env", "prompts", "encoder", "projection", "agent", "evaluation", "tracking",
)  # fmt: skip
"""Top-level keys of the configuration: all of recloop's own, and nothing that somebody may have added."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed; says what has been kept, and where."""


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration without interpolations."""
    container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def begin(cfg: DictConfig, folder: Path, command: list[str], seeds: list[int], fingerprints: dict[str, str]) -> dict[str, Any]:
    """Write config.json and manifest.json of a run that starts now; returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "config.json", json.dumps(redact(plain(cfg), TOLD), indent=2).encode())
    started = manifest(command, TOLD, seeds, fingerprints, cfg.threads, cfg.device)
    write_manifest(folder / "manifest.json", started)
    return started


def final_luck(cfg: DictConfig, setting: Setting) -> "Luck":
    """The luck of the figures that are reported."""
    from recloop.experiments.evaluate import Luck

    simulator = setting.held_out.simulator
    return Luck.draw(simulator.population, cfg.evaluation.sessions_per_user, simulator.sessions.max_steps, cfg.evaluation.seed)


def run(cfg: DictConfig, folder: Path, command: list[str], policy: str | None, reporter: Reporter, label: str) -> Played:
    """Build, train, evaluate and keep one agent.

    Args:
        cfg: the whole configuration.
        folder: the run folder.
        command: arguments of `recloop` that make this run.
        policy: name in the table; None for the agent's own.
        reporter: is told how far it is.
        label: under which it is told.

    Raises:
        Interrupted: Ctrl-C was pressed; weights and journal are kept.
        UsageError: naming key, value and remedy.
    """
    agent: Agent = instantiate(cfg.agent, "agent")
    settings = instantiate(cfg.tracking, "tracking")
    setting = build_setting(cfg)
    started = begin(cfg, folder, command, [cfg.seed], setting.fingerprints)
    status = "failed"
    try:
        played, interrupted = _train_and_play(cfg, folder, agent, settings, setting, policy, reporter, label)
        status = "interrupted" if interrupted else "finished"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        write_manifest(folder / "manifest.json", ended(started, status))  # type: ignore[arg-type]
    if played is None:
        raise Interrupted(f"stopped before the end; weights and journal are in {folder}")
    return played


def _train_and_play(
    cfg: DictConfig,
    folder: Path,
    agent: "Agent",
    settings: Any,
    setting: Setting,
    policy: str | None,
    reporter: Reporter,
    label: str,
) -> tuple[Played | None, bool]:
    from recloop.experiments.checkpoints import save_weights
    from recloop.experiments.evaluate import Luck, play
    from recloop.experiments.journal import Journal
    from recloop.experiments.seeding import set_threads
    from recloop.experiments.tracking import Trackers
    from recloop.experiments.train import train

    set_threads(cfg.threads)
    luck = final_luck(cfg, setting)
    curve_luck = Luck.draw(setting.held_out.simulator.population, 1, len(luck.clicks), cfg.evaluation.seed)
    wandb = settings.open(
        folder, group=cfg.name, job_type="train", name=f"{agent.name} seed {cfg.seed}", config=redact(plain(cfg), TOLD)
    )
    with Trackers(Journal(folder / "metrics.jsonl"), wandb) as tracker:
        trained = train(
            agent,
            setting,
            curve_luck,
            steps=cfg.steps,
            curve_points=cfg.evaluation.curve_points,
            seed=cfg.seed,
            device=cfg.device,
            tracker=tracker,
            reporter=reporter,
            label=label,
        )
        save_weights(folder / "checkpoints" / "final.safetensors", trained.model.policy.state_dict())
        if trained.interrupted:
            return None, True
        sessions = play(setting.held_out, trained.model, luck)
        tracker.write({"steps": trained.model.num_timesteps, "final/clicks_per_session": float(sessions.clicks.sum(1).mean())})
    played = Played(policy or agent.name, setting.train.observation.sees, True, (sessions,), (trained.curve,))
    save_sessions(folder / "episodes.parquet", [played])
    if wandb.sync_hint:
        write_atomically(folder / "wandb" / "sync.txt", wandb.sync_hint.encode())
    return played, False
