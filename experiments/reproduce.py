"""`recloop reproduce`: a logged run is made again and compared, bit by bit."""

import argparse
import json
import random
import re
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recloop.encoders.files import write_atomically
from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.launch import say
from recloop.experiments.signals import Stopped
from recloop.experiments.stored import StoredRun, find_runs, read_run
from recloop.experiments.untrusted import inside, read_json

if TYPE_CHECKING:
    from rich.console import Console

    from recloop.experiments.differences import Difference
    from recloop.experiments.verdicts import Outcome, Verdict

RUNS = Path("runs")
"""Where `recloop train` puts runs unless told otherwise."""

_EXAMPLES = """\
examples:
  recloop reproduce runs/train/2026-11-22_22-24-30-67ebc9
  recloop reproduce my-team/recloop/3f9k2a1b          a run logged on W&B
  recloop reproduce runs/quickstart/... --sample 3    three of a suite's runs
  recloop reproduce --group quickstart --sample 5     five of all runs in runs/quickstart

verdicts, and the exit status: identical (0), the same bits; equivalent (0), other bits where libraries, code or
machine differ, and clicks per session within the margin (two one-sided tests); different (1), saying what differs
first. A suite's runs are made again each, then its baselines. A start with the same --into goes on where one ended.
"""


class Unit(NamedTuple):
    """A run to make again, and where; a suite stands for its baselines."""

    label: str
    run: StoredRun
    into: Path


def main(words: list[str]) -> None:
    """`recloop reproduce RUN`.

    Raises:
        UsageError: naming key or file, value and remedy.
        SystemExit: with status 1, a run came out different.
        Stopped: a signal has come.
    """
    parser = Parser(
        "recloop reproduce",
        description="Make a logged run again here, from its own configuration, and compare.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", metavar="RUN", nargs="?", help="folder of a run or suite, or entity/project/run_id on W&B")
    what.add_argument("--group", metavar="NAME", help=f"all runs in {RUNS}/NAME that have finished")
    parser.add_argument("--sample", metavar="K", type=int, help="only so many of the runs, drawn at random")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of that draw (default: %(default)s)")
    parser.add_argument(
        "--into", metavar="FOLDER", type=Path, help="for what is made (default: RUN/reproductions/TIME)"
    )
    parser.add_argument("--device", metavar="NAME", help="that networks are on (default: that of the run)")
    parser.add_argument(
        "--margin", metavar="SHARE", type=float, default=0.05,
        help="of clicks per session, that does not matter when bits differ (default: %(default)s)",
    )  # fmt: skip
    given = parser.parse_args(words)
    if not 0 < given.margin < 1:
        raise UsageError(f"--margin is {given.margin}; give a share between 0 and 1")
    chosen = sampled(_units(given), given.sample, given.seed)
    if reproduce(chosen, given.device, given.margin) < len(chosen):
        raise SystemExit(1)


def _units(given: argparse.Namespace) -> list[Unit]:
    """What the command line asks for, as far as it has finished."""
    runs = find_runs(RUNS / given.group) if given.group else [read_run(_folder(given.run))]
    time = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    found = []
    for run in runs:
        label = str(run.folder.relative_to(RUNS)) if given.group else run.folder.resolve().name
        beside = inside(run.folder, run.folder / "reproductions" / time)
        into = beside if given.into is None else given.into / label if given.group else given.into
        parts = [Unit(f"{label}/{cell.folder.name}", cell, into / "cells" / cell.folder.name) for cell in run.cells]
        found += [*parts, Unit(f"{label}, baselines" if run.is_suite else label, run, into)]
    for unit in found:
        if unit.run.status != "finished":
            say(f"{unit.label} is left out: it has not finished ({unit.run.status})")
    units = [unit for unit in found if unit.run.status == "finished"]
    if not units:
        raise UsageError(f"{given.run or RUNS / given.group}: has not finished; go on with it by resume=true first")
    return units


def _folder(given: str) -> Path:
    """The folder that is named, or that a run on W&B is fetched into."""
    if Path(given.partition("/")[0]).exists() or not re.fullmatch(r"[^/]+/[^/]+/[^/]+", given):
        return Path(given)
    from recloop.experiments.logged import fetch_run

    before = RUNS / "fetched" / given
    return before if before.exists() else fetch_run(given, before.parent)


def sampled(units: Sequence[Unit], count: int | None, seed: int) -> list[Unit]:
    """`count` of the runs, drawn at random, in their order; all, with the suites' baselines, when it is None."""
    runs = [unit for unit in units if not unit.run.is_suite]
    if count is None:
        return list(units)
    if not 1 <= count <= len(runs):
        raise UsageError(f"--sample is {count}; give a number from 1 to {len(runs)}, the runs that are there")
    return [runs[index] for index in sorted(random.Random(seed).sample(range(len(runs)), count))]


def reproduce(units: Sequence[Unit], device: str | None, margin_share: float) -> int:
    """Make each of `units` again, print what differs here and the verdicts, and keep these beside what was made.

    Args:
        units: what to make, and where.
        device: that networks are on; None for each run's own.
        margin_share: of clicks per session, that does not matter where bits differ.

    Returns:
        How many came back: those that are identical or equivalent.

    Raises:
        Stopped: a signal has come; what has been made again is kept.
        UsageError: the only one cannot be made here; of several, that is said of it, and the others are made.
    """
    from rich.console import Console

    from recloop.experiments.verdicts import judge

    console, outcomes = Console(), list["Outcome"]()
    for number, unit in enumerate(units, start=1):
        say(f"making {unit.label} again ({number} of {len(units)}), in {unit.into}")
        try:
            outcomes.append(_made(unit, device, console, outcomes[-1].differences if outcomes else ()))
        except UsageError as error:
            if len(units) == 1:
                raise
            console.print(f"{unit.label}: not made: {error}", soft_wrap=True, highlight=False, markup=False)
        except KeyboardInterrupt as stop:
            signum = stop.number if isinstance(stop, Stopped) else signal.SIGINT
            raise Stopped(signum, f"{number - 1} of {len(units)} made again; the same --into goes on") from None
    verdicts = judge(outcomes, margin_share)
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        _keep(outcome, verdict)
        console.print(f"{outcome.label}: {verdict}", soft_wrap=True, highlight=False, markup=False)
    back = sum(verdict.word != "different" for verdict in verdicts)
    if len(units) > 1:
        console.print(f"{back} of {len(units)} came back", highlight=False)
    return back


def _made(unit: Unit, device: str | None, console: "Console", told: "Sequence[Difference]") -> "Outcome":
    """Make one run again; what differs here is printed before, unless it is what has been `told`."""
    from recloop.experiments.again import facts, make, threads_of
    from recloop.experiments.comparison import compare
    from recloop.experiments.differences import edits, surroundings, table
    from recloop.experiments.display import display
    from recloop.experiments.progress import from_workers
    from recloop.experiments.verdicts import Outcome
    from recloop.experiments.workers import call, unheard, workers

    run = unit.run
    edited = edits(run.folder, read_json(run.folder, "config.json"), run.manifest)
    with ExitStack() as stack:
        stack.enter_context(threads_of(run))
        with unheard():
            pool = stack.enter_context(workers(1))
            here = pool.submit(call, facts, run.folder, unit.into, device)
        found = (*edited, *surroundings(run.manifest, here.result()))
        if found and found != told:
            console.print(table(found))
        reporter = stack.enter_context(display())
        with unheard():
            remote = stack.enter_context(from_workers(reporter))
            done = pool.submit(call, make, run.folder, unit.into, device, remote)
        done.result()
    return Outcome(unit.label, run, read_run(unit.into), found, compare(run, read_run(unit.into)))


def _keep(outcome: "Outcome", verdict: "Verdict") -> None:
    """Write reproduction.json beside what was made again."""
    kept: dict[str, Any] = {
        "verdict": verdict.word,
        "reason": verdict.reason,
        "differences": [one._asdict() for one in outcome.differences],
        "compared": outcome.comparison.compared,
        "first_difference": outcome.comparison.first,
        "test": verdict.test and verdict.test._asdict(),
    }
    write_atomically(outcome.here.folder / "reproduction.json", json.dumps(kept, indent=2).encode())
