"""`recloop report`: stored runs compared on one page, and as a table of runs."""

import argparse
import math
import re
import shlex
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recloop.encoders.files import write_atomically
from recloop.experiments import guards, planning_gap, significance, statistics
from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.gamma_sweep import gamma_curves, gamma_sweeps
from recloop.experiments.groups import Group, Trial, differences, group, trials_of
from recloop.experiments.metrics import clicks_per_session
from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, PLANNER, SPARING
from recloop.experiments.plots import learning_curves, reward_along_session
from recloop.experiments.profiles import profiles
from recloop.experiments.reading import blaming
from recloop.experiments.recommended import FIGURES
from recloop.experiments.redaction import hide_home
from recloop.experiments.report import Column, column, definition, render, shown
from recloop.experiments.sections import WINDOW, Section, contrasts, groups_table, sections
from recloop.experiments.sessions import Key, Played
from recloop.experiments.statistics import Estimate, Seeds, estimate, interquartile_mean, probability_of_improvement
from recloop.experiments.stored import StoredRun, find_runs
from recloop.experiments.table import bounds, gap_words, number, scores, seeds

if TYPE_CHECKING:
    import pandas as pd

MOST_CURVES = 8
"""Groups that are drawn: more lines cannot be told apart."""

REFERENCES: tuple[Key, ...] = (GREEDY_ORACLE, (HEURISTIC, "observed"), (SPARING, "observed"), PLANNER)
"""Baselines that the groups are drawn beside."""

_EXAMPLES = """\
examples:
  recloop report runs/headline                        every run below a folder
  recloop report runs/one runs/other --to my/report   two runs, or suites, side by side

Runs that differ in their seed only are a group. Writes report.html and runs.csv.
"""


def main(words: list[str]) -> None:
    """`recloop report RUN...`.

    Raises:
        UsageError: naming file or folder, what is wrong and the remedy.
    """
    parser = Parser(
        "recloop report",
        description="Compare runs, suites and groups of seeds.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="a run, a suite, or a folder of them")
    parser.add_argument("--to", metavar="FOLDER", type=Path, help="where to write; runs/reports/TIME if not given")
    given = parser.parse_args(words)
    default = Path("runs") / "reports" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{uuid.uuid4().hex[:6]}"
    found = {run.folder.resolve(): run for place in given.runs for run in find_runs(place)}
    page = report(list(found.values()), given.to or default, shlex.join(["recloop", "report", *words]))
    print(f"report: {page}")


def report(runs: Sequence[StoredRun], folder: Path, command: str) -> Path:
    """Write `report.html` and `runs.csv` to `folder`; the path of the page.

    Raises:
        UsageError: none of the runs has finished, or files are missing or damaged.
    """
    trials = trials_of(runs)
    groups = group(trials)
    with blaming("report"):
        found = sections(runs, groups, np.random.default_rng(0))
    if not found:
        raise UsageError(f"{runs[0].folder}: no run has finished there; go on with recloop train ... resume=true")
    write_atomically(folder / "runs.csv", table_of(groups).to_csv(index=False).encode())
    page = folder / "report.html"
    write_atomically(page, _page(found, trials, groups, hide_home(command)).encode())
    return page


def runs_table(runs: Sequence[StoredRun]) -> "pd.DataFrame":
    """A row for each single run, those in suites too, with the keys in which the groups differ.

    Raises:
        UsageError: files are missing or damaged.
    """
    return table_of(group(trials_of(runs)))


def table_of(groups: Sequence[Group]) -> "pd.DataFrame":
    """As `runs_table`, of runs that are grouped already."""
    import pandas as pd

    first = groups[0].identity
    keys = sorted({key for one in groups for key in differences(first, one.identity)} - {"name", "steps"})
    return pd.DataFrame([_row(trial, one, keys) for one in groups for trial in one.trials])


def _row(trial: Trial, group: Group, keys: Sequence[str]) -> dict[str, Any]:
    run, played = trial.run, trial.played
    return {
        "name": run.name,
        "group": group.label,
        "policy": group.policy,
        "sees": played.sees if played else None,
        "seed": run.seed,
        "status": run.status,
        "steps": group.identity["steps"],
        "clicks_per_session": clicks_per_session(played.sessions[0]) if played else math.nan,
        "minutes": trial.minutes,
        "commit": run.manifest["code"].get("commit"),
        "folder": hide_home(str(run.folder)),
        **{key: _at(group.identity, key) for key in keys},
    }


def _at(config: dict[str, Any], key: str) -> Any:
    """The value at a dotted key, a part by the name of its class; None where there is none."""
    node: Any = config
    for name in key.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return str(node.get("_target_", node)).rpartition(".")[2] if isinstance(node, dict) else node


def _page(found: Sequence[Section], trials: Sequence[Trial], groups: Sequence[Group], command: str) -> str:
    return render(
        "compare.html.jinja",
        command=command,
        names=sorted({trial.run.name for trial in trials}),
        commits=sorted({str(trial.run.manifest["code"].get("commit")) for trial in trials}),
        num_runs=len(trials),
        repeats=len(trials) - sum(len(one.trials) for one in groups),
        idle=[one.label for one in groups if not one.played],
        sections=[_shown(section, number) for number, section in enumerate(found)],
        definitions={
            "interquartile mean and interval": definition(statistics.bootstrap),
            "P(better)": definition(statistics.probability_of_improvement),
            "planning credit": definition(planning_gap.planning_credit),
            "optimality gap": definition(statistics.optimality_gap) + "\nThe best is the best row of the table.",
            "last points": f"Mean over seeds and the last {WINDOW} points of the learning curve: not the best point.",
            "p, corrected": definition(significance.compare_seeds),
            "verdict": f"By rule, at the 5 % level: equivalent within {significance.EQUIVALENT:.0%} of the base, "
            "superior, inferior, or inconclusive. P-values are corrected for the number of groups (Holm).",
            "seeds that would tell": definition(significance.seeds_needed),
            **{figure.heading: definition(figure.what) for figure in FIGURES},
            "collapsed": definition(guards.collapses),
        },
    )


def _shown(section: Section, number: int) -> dict[str, Any]:
    """What the template shows of a section."""
    table = groups_table(section)
    keys = {one.label: one.keys for one in section.groups}
    fewest = min(len(section.seeds[key]) for _, key in section.finished)
    return {
        "label": section.judgement.label,
        "explanation": planning_gap.LABELS[section.judgement.label],
        "gap": gap_words(section.judgement),
        "stamp": planning_gap.stamp_seeds(fewest),
        "columns": [column.heading for column in COLUMNS],
        "rows": [
            (row.trained, keys.get(str(row.policy), {}), [(column.show(row), column.aside(row)) for column in COLUMNS])
            for row in table.itertuples()
        ],
        "collapses": guards.collapses(section.played, section.num_items),
        "recommended": shown(table, RECOMMENDED),
        "base": section.base.label,
        "contrasts": contrasts(section),
        "better": _better(section),
        "plots": {name: _numbered(svg, number) for name, svg in _plots(section).items()},
    }


def _better(section: Section) -> list[tuple[str, list[Estimate | None]]]:
    """The probability that a group (row) reaches more than each other one (column)."""
    of = {one.label: section.seeds[key] for one, key in section.finished}
    return [(ours, [_probability(ours, theirs, of) for theirs in of]) for ours in of]


def _probability(ours: str, theirs: str, of: Mapping[str, Seeds]) -> Estimate | None:
    return None if ours == theirs else estimate(probability_of_improvement(of[ours], of[theirs]))


def _plots(section: Section) -> dict[str, str]:
    """Of the baselines that a curve is read against, and the groups that reach most."""
    level = {key: float(interquartile_mean(seeds)[0]) for key, seeds in section.seeds.items()}
    agents = sorted((one for one in section.played if one.trained), key=lambda one: -level[one.key])[:MOST_CURVES]
    beside = [key for key in REFERENCES if key in level]
    # agents first in every plot: colours go to names by their order
    drawn = [*agents, *(one for one in section.played if one.key in beside)]
    rng = np.random.default_rng(0)
    plots = {"profiles": profiles(scores(drawn), rng), "rewards": reward_along_session(list(map(_whole, drawn)))}
    if any(one.curves for one in agents):
        plots["curves"] = learning_curves(agents, {key: level[key] for key in beside}, rng)
    if sweeps := gamma_sweeps(section):
        plots["gammas"] = gamma_curves(sweeps, {key: level[key] for key in beside})
    return plots


def _whole(played: Played) -> Played:
    """Without the seeds that failed, which have no rewards."""
    sessions = tuple(one for one in played.sessions if not np.isnan(one.clicks).any())
    return played._replace(sessions=sessions)


def _numbered(svg: str, number: int) -> str:
    """Ids that no drawing of another section has."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>section{number}-", svg)


COLUMNS = (
    Column("policy", lambda row: str(row.policy)),
    Column("sees", lambda row: str(row.sees)),
    Column("seeds", seeds, lambda row: f"{row.unfinished_seeds} unfinished" if row.unfinished_seeds else ""),
    Column(
        "clicks / session",
        lambda row: number(row.clicks_per_session, "z.1f"),
        lambda row: bounds(row.ci_low, row.ci_high, "z.1f"),
    ),
    Column("mean", lambda row: number(row.mean, "z.1f")),
    Column("median", lambda row: number(row.median, "z.1f")),
    Column(
        "worst seed",
        lambda row: number(row.worst_seed, "z.1f") if row.trained else "",
        lambda row: f"best {row.best_seed:.1f}" if row.trained else "",
    ),
    Column("last points", lambda row: number(row.final_window, "z.1f") if row.trained else ""),
    Column("P(better than greedy oracle)", lambda row: number(row.better_than_oracle, ".2f")),
    Column(
        "planning credit",
        lambda row: number(row.planning_credit, "z.2f"),
        lambda row: bounds(row.credit_low, row.credit_high, "z.2f"),
    ),
    Column("optimality gap", lambda row: number(row.optimality_gap, "z.1f")),
    Column("steps", lambda row: f"{row.steps:,.0f}" if row.trained else ""),
    Column("minutes", lambda row: number(row.minutes, ".1f") if row.trained else ""),
)

RECOMMENDED = (*COLUMNS[:2], *map(column, FIGURES))
