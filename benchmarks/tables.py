"""The figures as tables: ratios to the goals first."""

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.training import GOAL


def show(figures: dict[str, Any]) -> str:
    """Print all of them; gives what was printed."""
    console = Console(width=110, record=True)
    for part, table in (
        ("environment", _environment), ("parts", _parts), ("training", _training), ("profile", _profile),
        ("encoding", _encoding),
    ):  # fmt: skip
        if part in figures:
            console.print(table(figures[part]))
    machine = figures["machine"]
    cores, first, last = machine["cores"], machine["load"][0], figures["load_at_the_end"][0]
    console.print(f"{machine['processor']}, {cores} cores, one used; load {first} before and {last} after")
    if max(first, last) > cores:
        console.print("[bold]More processes than cores: wall times are pessimistic, read the processor times.[/bold]")
    names = ("numpy", "numba", "torch", "gymnasium", "stable-baselines3")
    console.print(f"Python {machine['python']}, " + ", ".join(f"{name} {machine['versions'][name]}" for name in names))
    return console.export_text()


def _environment(rows: list[dict[str, Any]]) -> Table:
    table = _table("Environment: user steps a second", "of goal", "steps/s", "goal", "steps/CPU-s", "CPU µs a call")
    for row in rows:
        of_goal = row["wall"] / row["goal"]
        numbers = (row["wall"], row["goal"], row["cpu"], row["cpu_microseconds_a_call"])
        table.add_row(row["name"], f"{of_goal:.2f}", *(f"{number:,.0f}" for number in numbers))
    return table


def _parts(rows: list[dict[str, Any]]) -> Table:
    title = "Each part of the dynamics: user steps a second of 1,024 users"
    table = _table(title, "of the default", "CPU time", "of goal", "steps/s", "steps/CPU-s")
    for row in rows:
        factor, of_goal = row["factor"], row["wall"] / row["goal"]
        shares = (f"{one:.2f}" for one in (factor["wall"], factor["cpu"], of_goal))
        table.add_row(row["name"], *shares, *(f"{row[clock]:,.0f}" for clock in ("wall", "cpu")))
    return table


def _training(rows: list[dict[str, Any]]) -> Table:
    title = f"Training: steps a second, as a share of those in an environment that does nothing (goal {GOAL})"
    table = _table(title, "of SB3's own", "CPU time", "of the same learner", "CPU time", "steps/s", "steps/CPU-s")
    for row in rows:
        ratios = [row[of][clock] for of in ("of_stock", "of_same_learner") for clock in ("wall", "cpu")]
        paces = (row["real"]["wall"], row["real"]["cpu"])
        table.add_row(row["agent"], *(f"{one:.2f}" for one in ratios), *(f"{one:,.0f}" for one in paces))
    return table


def _profile(shares: dict[str, dict[str, float]]) -> Table:
    table = _table("Where training spends its time (cProfile)", *shares)
    for part in next(iter(shares.values())):
        table.add_row(part, *(f"{of_agent[part]:.1%}" for of_agent in shares.values()))
    return table


def _encoding(figures: dict[str, Any]) -> Table:
    ready = figures["ready"]
    title = (
        f"Encoding {figures['texts']:,} texts of {figures['tokens']:.1f} tokens with MiniLM, against "
        f"sentence-transformers\n{ready['texts']:,} cached vectors are at hand in {ready['wall']:.2f} s "
        f"({ready['cpu']:.2f} CPU-s; goal {ready['goal']:.0f} s)"
    )
    columns = (
        "times",
        "CPU time",
        "goal",
        "texts/s",
        "texts/CPU-s",
        "max difference",
        "least cosine",
        "same 10 nearest",
    )
    table = _table(title, *columns)
    for row in figures["rows"]:
        factors = (f"{row['factor'][clock]:.2f}" for clock in ("wall", "cpu"))
        rates = (f"{row[clock]:,.0f}" for clock in ("wall", "cpu"))
        errors = (f"{row['largest_difference']:.1e}", f"{row['least_cosine']:.5f}", f"{row['neighbours']:.3f}")
        table.add_row(row["name"], *factors, f"{row['goal'] or '-'}", *rates, *errors)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
