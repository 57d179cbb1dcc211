"""The table of policies, as data and for the terminal, with the environment's label and its warnings under it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.experiments import metrics
from recloop.experiments.guards import Collapse, collapses
from recloop.experiments.planning_gap import (
    CLAIRVOYANT,
    HEURISTIC,
    Bracketed,
    Judgement,
    interval,
    judge,
    stamp_seeds,
    verdicts,
)
from recloop.experiments.recommended import FIGURES, describe
from recloop.experiments.sessions import Key, Played
from recloop.experiments.statistics import Estimate, Resampled, Scores, bootstrap, estimate

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table


class Summary(NamedTuple):
    """What the sessions say: a row a policy, the judgement of the environment, and the sentences that follow."""

    table: "pd.DataFrame"
    judgement: Judgement
    verdicts: tuple[str, ...]
    stamp: str  # what the number of training seeds is good for; empty from 10 on
    collapses: tuple[Collapse, ...] = ()  # policies that recommend next to nothing else, trained agents first
    fidelity: str = ""  # how well the environment predicts real people, in one line


def summarise(
    played: Sequence[Played],
    vectors: NDArray[np.floating],
    popularity: NDArray[Any],
    rng: np.random.Generator,
    action_influence: float | None = None,
) -> Summary:
    """Compare policies that were played on the same users.

    `vectors` [num_items, dim] are what diversity is measured with; `popularity` [num_items] is each item's share of the
    logged interactions.
    Raises ValueError when two policies share a row or were played on different users.
    """
    import pandas as pd

    resampled = bootstrap(scores(played), rng)
    judgement = judge(resampled, action_influence)
    rows = [_row(one, resampled[one.key], judgement.credits[one.key], vectors, popularity) for one in played]
    fewest = min((len(one.sessions) for one in played if one.trained), default=10)
    stamp, fallen = stamp_seeds(fewest), collapses(played, len(vectors))
    return Summary(pd.DataFrame(rows), judgement, verdicts(judgement, played), stamp, fallen)


def scores(played: Sequence[Played]) -> dict[Key, Scores]:
    """Clicks a session of every policy, [seeds, users] each, the users by rising number."""
    users = np.unique(played[0].sessions[0].users)
    matrices: dict[Key, Scores] = {}
    for one in played:
        if one.key in matrices:
            raise ValueError(f"two policies are called {one.policy} ({one.sees}): give each row its own name")
        if not all(np.array_equal(np.unique(sessions.users), users) for sessions in one.sessions):
            raise ValueError(f"{one.policy} ({one.sees}) met other users than {played[0].policy}: play all on the same")
        matrices[one.key] = np.stack([metrics.clicks_per_user(sessions) for sessions in one.sessions])
    return matrices


def _row(
    played: Played,
    resampled: Resampled,
    credit: Estimate | None,
    vectors: NDArray[np.floating],
    popularity: NDArray[Any],
) -> dict[str, Any]:
    clicks = estimate(resampled)
    whole = [sessions for sessions in played.sessions if not np.isnan(sessions.clicks).any()]
    described = [describe(sessions, vectors, popularity) for sessions in whole or played.sessions]
    failed = len(played.sessions) - len(whole)
    return {
        "policy": played.policy,
        "sees": played.sees,
        "trained": played.trained,
        "seeds": len(played.sessions),
        "failed_seeds": failed,
        "clicks_per_session": clicks.value,
        "ci_low": clicks.low,
        "ci_high": clicks.high,
        "planning_credit": np.nan if credit is None else credit.value,
        "credit_low": np.nan if credit is None else credit.low,
        "credit_high": np.nan if credit is None else credit.high,
        "worst_seed": np.nan if failed else min(metrics.clicks_per_session(sessions) for sessions in whole),
        **{name: float(np.mean([one[name] for one in described])) for name in described[0]},
    }


def environment_line(judgement: Judgement) -> str:
    """`environment: PLANNING (planning gap 0.34 [...], uplift +48 % [...]), information gap 3.0 [...] clicks`."""
    return f"environment: {judgement.label} ({gap_words(judgement)}){_information_words(judgement)}"


def gap_words(judgement: Judgement) -> str:
    """`planning gap 0.34 [...], uplift +48 % [...], action influence 1`, or what was not played."""
    if judgement.planning_gap is None or judgement.uplift is None:
        return "planning gap not measured: it takes random, the greedy oracle and one policy more"
    uplift = Estimate(*(100 * figure for figure in judgement.uplift))
    words = f"{uplift.value:+z.0f} % [{uplift.low:+z.0f}, {uplift.high:+z.0f}]"
    gap = f"planning gap {interval(judgement.planning_gap, 'z.2f')}, uplift {words}"
    influence = judgement.action_influence
    return gap if influence is None else f"{gap}, action influence {influence:.2g}"


def gap_lines(measured: Bracketed) -> list[str]:
    """What `recloop gap` says below its table."""
    judgement, best = measured.judgement, measured.judgement.best
    horizon = measured.effective_horizon
    lines = [environment_line(judgement)]
    if best is not None and measured.most_planning_gap is not None and measured.most_uplift is not None:
        low, high = (interval(measured.values[key], "z.2f") for key in (best, CLAIRVOYANT))
        gap, lift = measured.most_planning_gap.high, 100 * measured.most_uplift.high
        lines += [
            f"best value: at least {low}, by the {' on '.join(part for part in best if part != '-')}; at most {high}",
            f"  at most, if {measured.relaxed}: planning gap up to {gap:z.2f}, uplift up to {lift:+z.0f} %",
        ]
    steps = f"{horizon}" if horizon is not None else f"more than {max(measured.lengths)}"
    return [*lines, f"effective horizon k_eff(1 %): {steps} step{'s' * (horizon != 1)}"]


def _information_words(judgement: Judgement) -> str:
    gaps = judgement.information_gaps
    if not gaps:
        return ""
    policy = HEURISTIC if HEURISTIC in gaps else next(iter(gaps))
    return f", information gap {interval(gaps[policy], 'z.1f')} clicks ({policy})"


def closed_lines(summary: Summary) -> list[str]:
    """How much of each information gap the trained agents close that close some of it.

    Nothing of a gap that one of them closes whole: they decide better, and it does not tell what they know.
    """
    rows: list[Any] = list(summary.table.itertuples())
    trained: list[Key] = [(row.policy, row.sees) for row in rows if row.trained]
    lines = []
    for name, all_shares in (summary.judgement.closed or {}).items():
        shares = {key: all_shares[key] for key in trained if key in all_shares and all_shares[key].value > 0}
        told = [f"{key[0]} {interval(share, 'z.2f')}" for key, share in shares.items()]
        if told and max(share.value for share in shares.values()) < 1:
            lines.append(f"closed of the information gap of the {name}: {', '.join(told)}")
    return lines


def print_table(summary: Summary, console: "Console") -> None:
    """Show what was earned, what was recommended, and the lines that qualify both; trained agents stand out."""
    from rich.text import Text

    rows = list(summary.table.itertuples())
    earned = ("seeds", "clicks/session", "95% CI", "planning credit", "95% CI")
    console.print(_grid(earned, [(row, _earned(row)) for row in rows]))
    said = environment_line(summary.judgement), *closed_lines(summary), summary.fidelity, summary.stamp
    for line in filter(None, said):
        console.print(Text(line), soft_wrap=True)
    console.print()
    figures = [figure.heading for figure in FIGURES]
    console.print(_grid(figures, [(row, _recommended(row)) for row in rows]))
    for collapse in summary.collapses:
        console.print(Text(str(collapse), style="bold red" if collapse.trained else ""), soft_wrap=True)


def _grid(headings: Sequence[str], rows: Sequence[tuple[Any, Sequence[str]]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("policy", no_wrap=True)
    grid.add_column("sees", no_wrap=True)
    for heading in headings:
        grid.add_column(heading, justify="right", no_wrap=True)
    for row, cells in rows:
        texts = (Text(cell) for cell in (row.policy, row.sees, *cells))
        grid.add_row(*texts, style="bold" if row.trained else "")
    return grid


def _earned(row: Any) -> list[str]:
    return [
        seeds(row),
        number(row.clicks_per_session, "z.1f"),
        bounds(row.ci_low, row.ci_high, "z.1f"),
        number(row.planning_credit, "z.2f"),
        bounds(row.credit_low, row.credit_high, "z.2f"),
    ]


def _recommended(row: Any) -> list[str]:
    return [number(getattr(row, figure.name), figure.spec) for figure in FIGURES]


def seeds(row: Any) -> str:
    """How many seeds were trained and how many of them failed; nothing for baselines, which do not train."""
    failed = f" ({row.failed_seeds} failed)" if row.failed_seeds else ""
    return f"{row.seeds}{failed}" if row.trained else ""


def number(value: float, spec: str) -> str:
    """The value by a format, or a dash where it is undefined."""
    return "–" if np.isnan(value) else f"{value:{spec}}"


def bounds(low: float, high: float, spec: str) -> str:
    """`[20.1, 20.9]`, or nothing where there is no interval."""
    return "" if np.isnan(low) or low == high else f"[{low:{spec}}, {high:{spec}}]"
