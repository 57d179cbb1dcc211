"""`report.html`: one file that opens from disk, and the same bytes whenever it is made again from the same sessions."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.files import write_atomically
from recloop.experiments import guards, metrics, planning_gap, statistics
from recloop.experiments.action_influence import action_influence
from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, LABELS, PLANNER, SPARING
from recloop.experiments.plots import learning_curves, reward_along_session, taste_map
from recloop.experiments.recommended import FIGURES, Figure
from recloop.experiments.sessions import Key, Played
from recloop.experiments.svg import THEME, standalone
from recloop.experiments.table import Summary, bounds, gap_words, number, seeds

if TYPE_CHECKING:
    import pandas as pd


class Heading(NamedTuple):
    """What a report says of its origin; everything is printed as given."""

    name: str
    date: str
    commit: str
    command: str
    config: Mapping[str, object]  # the keys worth a reader's time
    manifest: Mapping[str, object]  # versions, seeds, fingerprints, ...


def write_report(
    folder: Path,
    heading: Heading,
    summary: Summary,
    played: Sequence[Played],
    vectors: NDArray[np.floating],
    groups: Sequence[str],
    rng: np.random.Generator,
) -> Path:
    """Write `folder/report.html` and `folder/plots/*.svg`; return the path of the page.

    `vectors` [num_items, dim] and `groups` [num_items] (such as each film's main genre) place the catalog on the taste
    map; `rng` draws the learning curves' bands.
    """
    plots = _plots(summary, played, vectors, groups, rng)
    for name, svg in plots.items():
        write_atomically(folder / "plots" / f"{name}.svg", standalone(svg).encode())
    page = folder / "report.html"
    write_atomically(page, _page(heading, summary, plots).encode())
    return page


def _plots(
    summary: Summary,
    played: Sequence[Played],
    vectors: NDArray[np.floating],
    groups: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, str]:
    plots = {"reward_by_step": reward_along_session(played), "taste_map": taste_map(played, vectors, groups)}
    if any(one.curves for one in played):
        plots["learning_curves"] = learning_curves(played, _references(summary), rng)
    return plots


def _references(summary: Summary) -> dict[Key, float]:
    """The levels that a learning curve is to be read against."""
    rows = zip(summary.table["policy"], summary.table["sees"], summary.table["clicks_per_session"], strict=True)
    levels = {(str(policy), str(sees)): float(clicks) for policy, sees, clicks in rows}
    return {
        key: levels[key]
        for key in (GREEDY_ORACLE, (HEURISTIC, "observed"), (SPARING, "observed"), PLANNER)
        if key in levels
    }


def _page(heading: Heading, summary: Summary, plots: Mapping[str, str]) -> str:
    return render(
        "report.html.jinja",
        heading=heading,
        config=_flat(heading.config),
        manifest=_flat({key: value for key, value in heading.manifest.items() if key != "config"}),  # stands above
        summary=summary,
        label=summary.judgement.label,
        explanation=LABELS[summary.judgement.label],
        gap=gap_words(summary.judgement),
        information_gaps={
            policy: planning_gap.interval(gap, "z.1f") for policy, gap in summary.judgement.information_gaps.items()
        },
        earned=shown(summary.table, COLUMNS),
        recommended=shown(summary.table, RECOMMENDED),
        plots=plots,
        definitions={name: definition(what) for name, what in DEFINITIONS.items()},
    )


def render(template: str, **values: Any) -> str:
    """The page that one of this package's templates makes of `values`, which are escaped, in the style of all pages."""
    from jinja2 import Environment, StrictUndefined

    source, style = (
        files("recloop.experiments").joinpath(name).read_text(encoding="utf-8") for name in (template, "page.css.jinja")
    )
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(source).render(theme=THEME, style=style, **values)


def _flat(settings: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested settings by dotted key, as they are written on the command line."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def definition(what: Callable[..., Any] | str) -> str:
    """The docstring's paragraphs, each on one line, without what is raised: that is for those who call the function."""
    paragraphs = (what if isinstance(what, str) else inspect.getdoc(what) or "").split("\n\n")
    return "\n".join(" ".join(lines.split()) for lines in paragraphs if not lines.startswith("Raises"))


class Column(NamedTuple):
    """A column of the report's table: a figure and, smaller, what qualifies it."""

    heading: str
    show: Callable[[Any], str]
    aside: Callable[[Any], str] = lambda row: ""


def shown(table: "pd.DataFrame", columns: Sequence[Column]) -> dict[str, Any]:
    """What the templates print of a table: headings, and for each row whether it was trained and its cells."""
    return {
        "headings": [column.heading for column in columns],
        "rows": [
            (row.trained, [(column.show(row), column.aside(row)) for column in columns]) for row in table.itertuples()
        ],
    }


def column(figure: Figure) -> Column:
    """The column of a figure of what was recommended."""
    return Column(figure.heading, lambda row: number(getattr(row, figure.name), figure.spec))


COLUMNS = (
    Column("policy", lambda row: str(row.policy)),
    Column("sees", lambda row: str(row.sees)),
    Column("seeds", seeds),
    Column(
        "clicks / session",
        lambda row: number(row.clicks_per_session, "z.1f"),
        lambda row: bounds(row.ci_low, row.ci_high, "z.1f"),
    ),
    Column(
        "planning credit",
        lambda row: number(row.planning_credit, "z.2f"),
        lambda row: bounds(row.credit_low, row.credit_high, "z.2f"),
    ),
    Column("worst seed", lambda row: number(row.worst_seed, ".1f") if row.trained else ""),
    Column("return", lambda row: number(row.session_return, "z.1f")),
)

RECOMMENDED = (*COLUMNS[:2], *map(column, FIGURES))

DEFINITIONS: Mapping[str, Callable[..., Any] | str] = {
    "clicks / session": metrics.clicks_per_session,
    "figures and their intervals": statistics.bootstrap,
    "greedy oracle": "Recommends the item of the highest expected next reward, knowing the user's hidden state.",
    "planning gap": "PG = 1 - clip((J_myopic - J_random) / (J_best - J_random), 0, 1), where J is clicks a "
    "session, myopic the greedy oracle and best the best policy of the table: the share of the attainable gain over "
    "random that only planning reaches.",
    "uplift": "U = (J_best - J_myopic) / |J_myopic|: how much more than the greedy oracle is to be had.",
    "action influence": action_influence,
    "planning credit": planning_gap.planning_credit,
    "information gap": "J of a policy on true states less J of the same policy on observed states, in clicks.",
    "worst seed": "The lowest clicks a session of a training seed; a dash when a seed failed.",
    "return": metrics.session_return,
    **{figure.heading: figure.what for figure in FIGURES},
    "collapsed": guards.collapses,
}
