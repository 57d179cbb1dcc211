"""The figures as tables: ratios first."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.goals import reached
from benchmarks.registry import GOALS, SHEETS, Sheet

Figures = Mapping[str, Any]
"""What a benchmark stores: `machine`, and in `parts` by name the `rows`, and when and how they were measured."""

WIDTH = 110
LIBRARIES = ("numpy", "numba", "torch", "gymnasium", "stable-baselines3", "faiss-cpu")


def text(figures: Figures) -> str:
    """All tables that there are figures for, in the registry's order, and the machine below them."""
    parts = figures["parts"]
    tables = [table(sheet, parts[name]["rows"]) for name, sheet in SHEETS.items() if name in parts]
    return "\n".join([goals(figures), *tables, machine(figures)])


def goals(figures: Figures) -> str:
    """What is to be reached, and whether it is, as far as it was measured."""
    return table(GOALS, reached(figures["parts"]))


def table(sheet: Sheet, rows: list[dict[str, Any]]) -> str:
    """The table of one part."""
    drawn = Table(title=sheet.title, title_justify="left")
    drawn.add_column("")
    for header in sheet.columns:
        drawn.add_column(header, justify="right")
    for row in rows:
        drawn.add_row(row["name"], *(_filled(shape, row) or "–" for shape in sheet.columns.values()))
    console = Console(width=WIDTH, file=StringIO(), record=True)
    console.print(drawn)
    for line in filter(None, dict.fromkeys(_filled(sheet.below, row) for row in rows)):
        console.print(line, highlight=False, markup=False)
    return console.export_text()


def _filled(shape: str, row: dict[str, Any]) -> str:
    """The format with the row's values; empty when the row has not all of them, or None."""
    try:
        return shape.format(**row)
    except (KeyError, TypeError):
        return ""


def machine(figures: Figures) -> str:
    """Processor, cores, load, versions; and a warning when other processes wanted the cores too."""
    facts = figures["machine"]
    loads = [load for part in figures["parts"].values() for load in part["load"]]
    crowded = "More processes than cores: wall times are pessimistic, read the processor times.\n"
    versions = (f"{name} {facts['versions'][name]}" for name in LIBRARIES if facts["versions"].get(name))
    return (
        f"{facts['processor']}, {facts['cores']} cores, one used; load {min(loads)} to {max(loads)}\n"
        f"{crowded if max(loads) > facts['cores'] else ''}Python {facts['python']}, {', '.join(versions)}\n"
    )
