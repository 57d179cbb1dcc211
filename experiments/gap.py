"""`recloop gap`: does an environment reward planning, how far ahead, and how much is there to be had?"""

import argparse
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from recloop.encoders.files import write_atomically
from recloop.experiments.flags import Parser
from recloop.experiments.planning_gap import Bracketed, bracketed_facts

if TYPE_CHECKING:
    from recloop.experiments.sessions import Played
    from recloop.experiments.setting import Setting

_EXAMPLES = """\
words:
  KEY=VALUE           as in `recloop train`: env=static, env.dynamics.boredom.weight=0.8, evaluation.planner_horizon=20
  run=FOLDER          the environment of a stored run, whose agents play as well

examples:
  recloop gap                                       the default environment
  recloop gap env=static                            one in which recommendations change nothing
  recloop gap evaluation.sessions_per_user=4        narrower intervals
  recloop gap run=runs/quickstart/2026-11-22_22-24-30-67ebc9

Table, gap.json and lookahead.svg go to run_dir, or for a stored run to FOLDER/gaps/TIME/.
"""


def main(words: list[str]) -> None:
    """`recloop gap [key=value ...]`.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    parser = Parser(
        "recloop gap",
        description="Say of an environment what planning is worth in it: label, planning gap, uplift, action "
        "influence, effective horizon, and between what bounds the best value lies.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", metavar="key=value", nargs="*", help="see below")
    given = list(parser.parse_args(words).words)
    runs = [word.removeprefix("run=") for word in given if word.startswith("run=")]
    others = [word for word in given if not word.startswith("run=")]
    if runs:
        _of_run(Path(runs[-1]), others)
    else:
        _of_words(others)


def _of_words(words: list[str]) -> None:
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check, refuse_used
    from recloop.experiments.setting import build_setting

    cfg = composed(["name=gap", "evaluation.sessions_per_user=1", *words])
    check(cfg)
    folder = Path(cfg.run_dir)
    refuse_used(folder)
    _measure(cfg, folder, build_setting(cfg), [], ["gap", *words])


def _of_run(place: Path, words: list[str]) -> None:
    from recloop.experiments.display import display
    from recloop.experiments.reevaluate import Settings, changed, play_runs
    from recloop.experiments.stored import read_run
    from recloop.experiments.untrusted import inside

    run = read_run(place)
    cfg = changed(run, words)
    with display() as reporter:
        agents, setting = play_runs(run, words, Settings(), None, reporter)
    folder = inside(run.folder, run.folder / "gaps" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{uuid.uuid4().hex[:6]}")
    _measure(cfg, folder, setting, agents, ["gap", f"run={place}", *words])


def _measure(cfg: DictConfig, folder: Path, setting: "Setting", agents: "Sequence[Played]", command: list[str]) -> None:
    from recloop.experiments.display import display
    from recloop.experiments.launch import say
    from recloop.experiments.lookahead import bracket
    from recloop.experiments.seeding import set_threads

    set_threads(cfg.threads)
    say(f"{cfg.name}: everything goes to {folder}")
    with display(runs=2) as reporter:
        measured = bracket(cfg, setting, agents, reporter)
    _keep(cfg, folder, setting, measured, command)


def _keep(cfg: DictConfig, folder: Path, setting: "Setting", measured: Bracketed, command: list[str]) -> None:
    """Write config.json, gap.json, table.txt and the plot, and print the table."""

    from recloop.experiments.measured import keep, recording
    from recloop.experiments.plots import value_by_lookahead
    from recloop.experiments.run import TOLD
    from recloop.experiments.svg import standalone

    console = recording()
    _print(measured, console)
    keep(cfg, folder, "gap", bracketed_facts(measured), command, setting.fingerprints, console, [*TOLD, "run"])
    write_atomically(folder / "lookahead.svg", standalone(value_by_lookahead(measured)).encode())
    console.print(f"gap.json and plot: {folder}", soft_wrap=True, highlight=False)


def _print(measured: Bracketed, console: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    from recloop.experiments.table import bounds, gap_lines

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("policy", no_wrap=True)
    table.add_column("sees", no_wrap=True)
    table.add_column("return/session", justify="right", no_wrap=True)
    table.add_column("95% CI", justify="right", no_wrap=True)
    for (policy, sees), value in measured.values.items():
        cells = policy, sees, f"{value.value:z.2f}", bounds(value.low, value.high, "z.2f")
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    for line in gap_lines(measured):
        console.print(Text(line), soft_wrap=True)
