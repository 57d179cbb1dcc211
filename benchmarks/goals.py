"""What the figures are to reach, and whether they do."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Rows = list[dict[str, Any]]


class Goal(NamedTuple):
    """At least so much of something that was measured."""

    what: str
    least: float
    part: str
    measured: Callable[[Rows], float]


GOALS = (
    Goal(
        "Environment: user steps a second, 1,024 users",
        2e6,
        "environment",
        lambda rows: of(rows, "1,024 users")["wall"],
    ),
    Goal(
        "Environment: 1,024 users against the fastest other simulator with user dynamics",
        100,
        "peers",
        lambda rows: min(row["batched"]["wall"] for row in rows if "batched" in row),
    ),
    Goal(
        "Environment: one user against the fastest other simulator with user dynamics",
        2,
        "peers",
        lambda rows: min(row["single"]["wall"] for row in rows if "single" in row),
    ),
    Goal(
        "Training: PPO against a do-nothing environment",
        0.95,
        "training",
        lambda rows: of(rows, "PPO")["of_stock"]["wall"],
    ),
    Goal(
        "Training: DQN against a do-nothing environment",
        0.95,
        "training",
        lambda rows: of(rows, "DQN")["of_stock"]["wall"],
    ),
    Goal(
        "Training: DQN of 64 users and dim 64 against stable-baselines3's own",
        2.5,
        "q_learning",
        lambda rows: of(rows, "64 users, dim 64")["factor"]["wall"],
    ),
)


def of(rows: Rows, name: str) -> dict[str, Any]:
    """The row called `name`."""
    return next(row for row in rows if row["name"] == name)


def reached(parts: Mapping[str, Any]) -> Rows:
    """A row for each goal of which something was measured."""
    goals = (goal for goal in GOALS if goal.part in parts)
    return [_row(goal, goal.measured(parts[goal.part]["rows"])) for goal in goals]


def _row(goal: Goal, measured: float) -> dict[str, Any]:
    of_goal = measured / goal.least
    return {
        "name": goal.what,
        "goal": goal.least,
        "measured": measured,
        "of_goal": of_goal,
        "met": "yes" if of_goal >= 1 else "no",
    }
