"""The report of a study: how it went and what mattered, as one page that needs nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recloop.encoders.files import write_atomically
from recloop.experiments.report import render
from recloop.experiments.svg import INK, MUTED, PALETTE, drawing, to_svg
from recloop.experiments.sweep_settings import Settings
from recloop.experiments.sweep_study import SLOT

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Study


def write_page(
    study: "Study", settings: Settings, table: "pd.DataFrame", importances: Mapping[str, Mapping[str, float]]
) -> Path:
    """Write `report.html` to the study's folder; its path."""
    page = render(
        "sweep.html.jinja",
        study=settings.study,
        settings=json.dumps(settings.identity, indent=2),
        histories=[history(table, name, direction) for name, direction in settings.objectives.items()],
        curves=curves(study) if settings.prune else "",
        importances=[importance(name, shares) for name, shares in importances.items()],
        columns=list(table.columns),
        rows=[[_written(value) for value in row] for row in table.itertuples(index=False)],
    )
    path = settings.folder / "report.html"
    write_atomically(path, page.encode())
    return path


def history(table: "pd.DataFrame", objective: str, direction: str) -> str:
    """What every trial came to, in the order of the trials, and the best so far."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    complete = table.dropna(subset=[objective]).sort_values("trial")
    values = complete[objective]
    best = values.cummax() if direction == "maximize" else values.cummin()
    with drawing(f"history-{objective}"):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(complete["trial"], values, "o", color=PALETTE[0], label="a trial")
        axes.step(complete["trial"], best, where="post", color=INK, label="the best so far")
        axes.set_xlabel("trial")
        axes.set_ylabel(objective.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
        return to_svg(figure, f"history-{objective}", f"{objective} of every trial, and the best so far")


def curves(study: "Study") -> str:
    """What every trial was worth while it trained; those that were given up end early."""
    from matplotlib.figure import Figure
    from optuna.trial import TrialState

    with drawing("curves"):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
            if SLOT in trial.user_attrs and trial.intermediate_values:
                pruned = trial.state is TrialState.PRUNED
                points, values = zip(*sorted(trial.intermediate_values.items()), strict=True)
                axes.plot(points, values, color=MUTED if pruned else PALETTE[0], linestyle=":" if pruned else "-")
        axes.set_xlabel("evaluation, one seed after the other")
        axes.set_ylabel("clicks per session so far")
        return to_svg(figure, "curves", "Clicks per session of every trial while it trained")


def importance(objective: str, shares: Mapping[str, float]) -> str:
    """The share of each parameter in what separates the good trials from the others."""
    from matplotlib.figure import Figure

    names = sorted(shares, key=lambda name: shares[name])
    with drawing(f"importance-{objective}"):
        figure = Figure(figsize=(9, 0.6 + 0.35 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(names, [shares[name] for name in names], color=PALETTE[0])
        axes.set_xlabel(f"importance for {objective.replace('_', ' ')} (PED-ANOVA)")
        return to_svg(figure, f"importance-{objective}", f"Importance of each parameter for {objective}")


def _written(value: object) -> str:
    if value is None or value != value:  # not a number: it was not measured
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
