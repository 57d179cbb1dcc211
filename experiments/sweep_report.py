"""What a study has found: a table, a page with its history, and the best configuration, ready to run."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from recloop.encoders.files import write_atomically
from recloop.experiments.errors import UsageError
from recloop.experiments.sweep_best import best_config
from recloop.experiments.sweep_settings import Settings
from recloop.experiments.sweep_study import ERROR, SLOT

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Study
    from optuna.trial import FrozenTrial
    from rich.console import Console

_SHOWN = 10
"""Trials in the table of the terminal; trials.csv has all."""


def conclude(study: "Study", settings: Settings) -> None:
    """Print the best trials and what mattered, and write trials.csv, report.html and experiment/best.yaml.

    Raises:
        UsageError: no trial has completed.
    """
    from rich.console import Console

    from recloop.experiments.sweep_page import write_page

    best = best_trials(study)
    table = trials_table(study, settings)
    if not best:
        errors = table["error"].dropna().unique()
        raise UsageError(f"study {settings.study}: no trial has completed; {'; '.join(errors) or 'all were pruned'}")
    importances = importances_of(study, settings)
    write_atomically(settings.folder / "trials.csv", table.to_csv(index=False).encode())
    write_atomically(settings.folder / "experiment" / "best.yaml", best_config(best[0], settings).encode())
    page = write_page(study, settings, table, importances)
    console = Console(soft_wrap=True, highlight=False)
    _print_table(table, settings, console)
    for objective, shares in importances.items():
        said = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        console.print(f"what mattered for {objective}: {said}")
    console.print(f"report: {page}")
    console.print(f"best: trial {best[0].user_attrs[SLOT] + 1}; with seeds that it was not tuned on:")
    console.print(
        f"  recloop train -m --config-dir {settings.folder} experiment=best seed=0,1,2,3,4 "
        f"run_dir=runs/{settings.study}-best resume=true"
    )


def best_trials(study: "Study") -> "list[FrozenTrial]":
    """The best trial; with several objectives those that no other beats in all, the best in the first one first."""
    from optuna.study import StudyDirection

    sign = -1 if study.directions[0] is StudyDirection.MAXIMIZE else 1
    return sorted(study.best_trials, key=lambda trial: (sign * trial.values[0], trial.user_attrs[SLOT]))


def trials_table(study: "Study", settings: Settings) -> "pd.DataFrame":
    """One row a slot that has been filled, best first: its number, how it ended, its objectives and its parameters."""
    import pandas as pd
    from optuna.trial import TrialState

    rows = []
    for trial in study.get_trials(deepcopy=False):
        error = trial.user_attrs.get(ERROR)
        if SLOT not in trial.user_attrs or (trial.state not in (TrialState.COMPLETE, TrialState.PRUNED) and not error):
            continue
        complete = trial.state is TrialState.COMPLETE
        figures = dict(zip(settings.objectives, trial.values, strict=True)) if complete else {}
        told = {"trial": trial.user_attrs[SLOT] + 1, "state": trial.state.name.lower(), "error": error}
        rows.append({**told, **figures, **trial.params})
    columns = ["trial", "state", *settings.objectives, *settings.space, "error"]
    up = [direction == "minimize" for direction in settings.objectives.values()]
    return pd.DataFrame(rows, columns=columns).sort_values([*settings.objectives, "trial"], ascending=[*up, True])


def importances_of(study: "Study", settings: Settings) -> dict[str, dict[str, float]]:
    """The share of each parameter in what separates good trials from others (PED-ANOVA), for every objective.

    Empty when too few trials have completed, or all did equally well.
    """
    from optuna.importance import get_param_importances
    from optuna.study import StudyDirection

    found: dict[str, dict[str, float]] = {}
    for index, name in enumerate(settings.objectives):
        sign = -1 if study.directions[index] is StudyDirection.MAXIMIZE else 1
        values = {trial.values[index] for trial in study.get_trials(deepcopy=False) if trial.values}
        if len(values) > 1:
            with warnings.catch_warnings():  # it says that low is good, which is why there is a sign
                warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes", UserWarning)
                found[name] = get_param_importances(study, target=_signed(index, sign))
    return found


def _signed(index: int, sign: int) -> Callable[["FrozenTrial"], float]:
    return lambda trial: float(sign * trial.values[index])


def _print_table(table: "pd.DataFrame", settings: Settings, console: "Console") -> None:
    from rich.table import Table

    columns = ["trial", *settings.objectives, *settings.space]
    complete = table[table["state"] == "complete"]
    ended = ", ".join(f"{count} {state}" for state, count in table["state"].value_counts().items())
    shown = Table(title=f"{settings.study}: {len(table)} trials, {ended}")
    for column in columns:
        shown.add_column(column.removeprefix("agent."), justify="right")
    for row in complete.head(_SHOWN)[columns].itertuples(index=False):
        shown.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
    console.print()
    console.print(shown)
