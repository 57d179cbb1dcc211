"""What the figures are to reach, and whether they do."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Rows = list[dict[str, Any]]


class Goal(NamedTuple):
    """At least so much of something that was measured."""

    what: str
    least: float
    part: str
    measured: Callable[[Rows, str], float]
    """By wall time and by processor time, where both were measured."""


GOALS = (
    Goal(
        "Environment: user steps a second, 1,024 users",
        2e6,
        "environment",
        lambda rows, clock: of(rows, "1,024 users")[clock],
    ),
    Goal(
        "Environment: 1,024 users against the fastest other simulator with user dynamics",
        100,
        "peers",
        lambda rows, clock: min(row["batched"][clock] for row in rows if "batched" in row),
    ),
    Goal(
        "Environment: one user against the fastest other simulator with user dynamics",
        2,
        "peers",
        lambda rows, clock: min(row["single"][clock] for row in rows if "single" in row),
    ),
    Goal(
        "Training: PPO against a do-nothing environment",
        0.95,
        "training",
        lambda rows, clock: of(rows, "PPO")["of_stock"][clock],
    ),
    Goal(
        "Training: DQN against a do-nothing environment",
        0.95,
        "training",
        lambda rows, clock: of(rows, "DQN")["of_stock"][clock],
    ),
    Goal(
        "Encoding: bfloat16 against sentence-transformers",
        3,
        "encoding",
        lambda rows, clock: of(rows, "bfloat16")["factor"][clock],
    ),
    Goal(
        "Encoding: ONNX Runtime, equal vectors, against sentence-transformers",
        2.3,
        "encoding",
        lambda rows, clock: of(rows, "ONNX Runtime")["factor"][clock],
    ),
    Goal(
        "Encoding: a million kept vectors at hand, times a second",
        1,
        "encoding",
        lambda rows, clock: 1 / next(row["ready"][clock] for row in rows if "ready" in row),
    ),
    Goal(
        "Language-model users: ratings a second, 400 items a person, against `generate`",
        10,
        "raters",
        lambda rows, clock: of(rows, "400 items a person")["factor"][clock],
    ),
    Goal(
        "Prompt states: 64 users, read together against one by one",
        3,
        "prompts",
        lambda rows, clock: of(rows, "default prompts, together")["factor"][clock],
    ),
    Goal(
        "Prompt states: the same of prompts that change with clicks alone",
        3,
        "prompts",
        lambda rows, clock: of(rows, "skips untold, together")["factor"][clock],
    ),
    Goal(
        "Prompt states: pooled states of 64 users against prompts read one by one",
        1000,
        "prompts",
        lambda rows, clock: of(rows, "pooled")["factor"][clock],
    ),
    Goal(
        "Growth: steps of training among 1,000,000 items against 10,000",
        0.5,
        "growth",
        lambda rows, clock: (
            of(rows, "1,000,000 items")["training"][clock] / of(rows, "10,000 items")["training"][clock]
        ),
    ),
    Goal(
        "Look-up: 1,000,000 items, share of the nearest ten that is found",
        0.95,
        "lookup",
        lambda rows, clock: of(rows, "1,000,000 items, ivf")["recall"],
    ),
    Goal(
        "Serving: 1,000,000 items, share of the best ten that is found",
        0.95,
        "serving",
        lambda rows, clock: of(rows, "1,000,000 items")["recall"],
    ),
    Goal(
        "Serving: 1,000,000 items, recommendations a second (3 ms each, median)",
        1000 / 3,
        "serving",
        lambda rows, clock: 1000 / of(rows, "1,000,000 items")["state_given"]["p50" if clock == "wall" else "cpu"],
    ),
    Goal(
        "Training: DQN of 64 users, dim 384, with stock's network against stable-baselines3's own",
        2.5,
        "q_learning",
        lambda rows, clock: of(rows, "64 users, dim 384, stock's network")["factor"][clock],
    ),
    Goal(
        "Training: DQN of 64 users, dim 64, with the item head against stable-baselines3's own",
        2.5,
        "q_learning",
        lambda rows, clock: of(rows, "64 users, dim 64")["factor"][clock],
    ),
)


def of(rows: Rows, name: str) -> dict[str, Any]:
    """The row called `name`."""
    return next(row for row in rows if row["name"] == name)


def reached(parts: Mapping[str, Any]) -> Rows:
    """A row for each goal of which something was measured."""
    return [_row(goal, parts[goal.part]["rows"]) for goal in GOALS if goal.part in parts]


def _row(goal: Goal, rows: Rows) -> dict[str, Any]:
    wall, cpu = goal.measured(rows, "wall"), goal.measured(rows, "cpu")
    met = "yes" if wall >= goal.least else "no"
    return {"name": goal.what, "goal": goal.least, "wall": wall, "cpu": cpu, "of_goal": wall / goal.least, "met": met}
