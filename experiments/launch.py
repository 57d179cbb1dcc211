"""What `recloop train` does with a configuration: run, compare, report."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig

from recloop.experiments.build import instantiate
from recloop.experiments.display import display
from recloop.experiments.inputs import check, check_agent, refuse_used
from recloop.experiments.manifest import ended
from recloop.experiments.measured import TABLE_WIDTH, keep_table, recording
from recloop.experiments.run import final_luck, note_reading, opened, recorded, run, stored_config
from recloop.experiments.sessions import Played, save_sessions
from recloop.experiments.setting import Setting, build_setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recloop.experiments.contrasts import Pair
    from recloop.experiments.stored import StoredRun
    from recloop.experiments.tracking import Trackers, WandbSettings


def launch(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    """Train what `cfg` says, print the table, write everything to `folder`.

    Args:
        cfg: the whole configuration.
        folder: the run folder.
        overrides: the user's own words, `agent=dqn`.

    With `resume=true` a run that `folder` holds goes on where it was; if it has finished, its table is printed again.

    Raises:
        UsageError: naming key, value and remedy.
        Stopped: a signal has come.
    """
    from recloop.experiments.resume import finished
    from recloop.experiments.study import launch_study

    check(cfg)
    if cfg.suite is None:
        check_agent(cfg)
    if not cfg.resume:
        refuse_used(folder)
    if (done := finished(cfg, folder)) is not None:
        _show(done)
    elif cfg.suite is None:
        _launch_one(cfg, folder, overrides)
    elif cfg.suite.get("worlds"):
        launch_study(cfg, folder, overrides)
    else:
        _launch_suite(cfg, folder, overrides)


def _show(run: "StoredRun") -> None:
    """Print the table of a run that has finished before."""
    from rich.console import Console

    say(f"{run.name}: has finished already, {run.manifest['ended']}")
    console = Console(width=max(Console().width, TABLE_WIDTH))
    console.print(run.file("table.txt").read_text().rstrip("\n"), soft_wrap=True, highlight=False, markup=False)
    console.print(f"report: {run.folder / 'report.html'}", soft_wrap=True, highlight=False)


def _launch_one(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    from recloop.experiments.baselines import play_baselines

    command = ["train", *overrides]
    setting = build_setting(cfg)
    say(f"{cfg.name}: everything goes to {folder}")
    with (
        recorded(cfg, folder, command, [cfg.seed], setting.fingerprints, setting.fidelity) as started,
        opened(cfg, folder) as records,
    ):
        with display() as reporter:
            played = run(cfg, folder, setting, records, None, reporter, f"training, seed {cfg.seed}")
            note_reading(started, setting)
            baselines = play_baselines(setting, final_luck(cfg, setting), cfg.evaluation, reporter)
        conclude(cfg, folder, setting, ended(started, "finished"), [*baselines, played])


def _launch_suite(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    from recloop.experiments.contrasts import check_pairs
    from recloop.experiments.suite import cells, run_suite

    command, todo = ["train", *overrides], cells(cfg.suite, overrides)
    pairs = check_pairs(cfg.suite.get("contrasts") or (), [cell.policy for cell in cfg.suite.cells])
    setting = build_setting(cfg)
    say(f"{cfg.name}: everything goes to {folder}")
    seeds = list(cfg.suite.seeds)
    with recorded(cfg, folder, command, seeds, setting.fingerprints, setting.fidelity) as started:
        played = run_suite(cfg, folder, todo)
        with _report_tracker(cfg, folder) as tracker:
            conclude(cfg, folder, setting, ended(started, "finished"), played, pairs)
            tracker.publish(folder)


def _report_tracker(cfg: DictConfig, folder: Path) -> "Trackers":
    """W&B's run of a suite's report, beside those of its cells."""
    settings: WandbSettings = instantiate(cfg.tracking, "tracking")
    config = stored_config(cfg)
    return settings.open(folder, group=cfg.name, job_type="report", name=f"{cfg.name} report", config=config)


def conclude(
    cfg: DictConfig,
    folder: Path,
    setting: Setting,
    facts: dict[str, Any],
    played: list[Played],
    pairs: "Sequence[Pair]" = (),
) -> None:
    """Keep the sessions, print the table and write the report; `facts` is the manifest of the finished run.

    Below the table stand what reading prompts came to, and a sentence on each of the `pairs` of policies.
    """

    from recloop.encoders.files import write_atomically
    from recloop.experiments import planning_gap
    from recloop.experiments.action_influence import action_influence
    from recloop.experiments.contrasts import conclusions
    from recloop.experiments.remembering import lines
    from recloop.experiments.report import Heading, write_report
    from recloop.experiments.table import print_table, summarise

    save_sessions(folder / "episodes.parquet", played)
    world = setting.held_out.simulator.world
    summary = summarise(
        played, world.vectors, world.popularity, np.random.default_rng(0), action_influence(setting.held_out)
    )._replace(fidelity=setting.fidelity.line if setting.fidelity else "")
    write_atomically(folder / "gap.json", json.dumps(planning_gap.facts(summary.judgement), indent=2).encode())
    heading = Heading(
        name=cfg.name,
        date=facts["started"],
        commit=facts["code"]["commit"] or "not a checkout",
        command=shlex.join(["recloop", *facts["command"]]),
        config=stored_config(cfg),
        manifest=facts,
    )
    page = write_report(folder, heading, summary, played, world.vectors, world.groups, np.random.default_rng(0))
    console = recording()
    console.print()
    print_table(summary, console)
    for line in [*lines(folder, facts.get("reading")), *(conclusions({"": played}, pairs) if pairs else ())]:
        console.print(line, soft_wrap=True, highlight=False)
    keep_table(folder, console)
    hints = sorted(path.read_text() for path in folder.glob("**/wandb/sync.txt"))
    if hints:
        more = f" (and {len(hints) - 1} more in {folder}/cells)" if len(hints) > 1 else ""
        console.print(f"W&B: offline; `{hints[0]}` uploads it{more}", soft_wrap=True, highlight=False)
    console.print(f"report: {page}", soft_wrap=True, highlight=False)


def say(line: str) -> None:
    """Tell the person at the terminal."""
    from rich.console import Console

    Console(stderr=True).print(line, soft_wrap=True, highlight=False, markup=False)
