"""What `recloop train` does with a configuration: run, compare, report."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from recloop.experiments.build import Setting, build_setting
from recloop.experiments.display import display
from recloop.experiments.run import TOLD, begin, final_luck, run
from recloop.experiments.sessions import Played, save_sessions


def launch(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    """Train what `cfg` says, print the table, write everything to `folder`.

    Args:
        cfg: the whole configuration.
        folder: the run folder.
        overrides: the user's own words, `agent=dqn`.

    Raises:
        UsageError: naming key, value and remedy.
        Interrupted: Ctrl-C was pressed.
    """
    say(f"{cfg.name}: everything goes to {folder}")
    if cfg.suite is None:
        _launch_one(cfg, folder, overrides)
    else:
        _launch_suite(cfg, folder, overrides)


def _launch_one(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    from recloop.experiments.baselines import play_baselines

    command = ["train", *overrides]
    with display() as reporter:
        played = run(cfg, folder, command, None, reporter, f"training, seed {cfg.seed}")
        setting = build_setting(cfg)
        baselines = play_baselines(setting, final_luck(cfg, setting), cfg.evaluation, reporter)
    conclude(cfg, folder, setting, command, [*baselines, played])


def _launch_suite(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    from recloop.experiments.manifest import ended, write_manifest
    from recloop.experiments.suite import run_suite

    command = ["train", *overrides]
    setting = build_setting(cfg)
    started = begin(cfg, folder, command, list(cfg.suite.seeds), setting.fingerprints)
    status = "failed"
    try:
        played = run_suite(cfg, folder, overrides)
        status = "finished"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        write_manifest(folder / "manifest.json", ended(started, status))  # type: ignore[arg-type]
    conclude(cfg, folder, setting, command, played)


def conclude(cfg: DictConfig, folder: Path, setting: Setting, command: list[str], played: list[Played]) -> None:
    """Keep the sessions, print the table and write the report."""
    import json

    from rich.console import Console

    from recloop.experiments.redaction import redact
    from recloop.experiments.report import Heading, write_report
    from recloop.experiments.run import plain
    from recloop.experiments.table import print_table, summarise

    save_sessions(folder / "episodes.parquet", played)
    world = setting.held_out.simulator.world
    summary = summarise(played, world.vectors, world.popularity, np.random.default_rng(0))
    facts: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    heading = Heading(
        name=cfg.name,
        date=facts["started"],
        commit=facts["code"]["commit"] or "not a checkout",
        command=" ".join(["recloop", *command]),
        config=redact(plain(cfg), TOLD),
        manifest=facts,
    )
    page = write_report(folder, heading, summary, played, world.vectors, world.groups, np.random.default_rng(0))
    console = Console(width=None if sys.stdout.isatty() else 130)
    console.print()
    print_table(summary, console)
    hints = sorted(path.read_text() for path in folder.glob("**/wandb/sync.txt"))
    if hints:
        more = f" (and {len(hints) - 1} more in {folder}/cells)" if len(hints) > 1 else ""
        console.print(f"W&B: offline; `{hints[0]}` uploads it{more}", soft_wrap=True, highlight=False)
    console.print(f"report: {page}", soft_wrap=True, highlight=False)


def say(line: str) -> None:
    """Tell the person at the terminal."""
    from rich.console import Console

    Console(stderr=True).print(line, soft_wrap=True, highlight=False, markup=False)
