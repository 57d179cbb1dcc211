"""Steps a second under each thing that an agent may say: items, positions among candidates, vectors, slates of them."""

from collections.abc import Callable
from typing import Any

from benchmarks.environment import single, stepping
from benchmarks.measure import in_turn, ratio, typical
from benchmarks.scope import Scope
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task

CALLS = {1: 2000, 64: 200, 1024: 40}
"""Of how many users: how often they are stepped at once. (A session has 40 steps: nothing is drawn twice in it.)"""

MODES: dict[str, dict[str, Any]] = {
    "item": {},
    "item, none twice": {"repeats": False},
    "candidates, 80 + 20": {"action": "candidates"},
    "proto": {"action": "proto"},
    "slate of 10 items": {"slate": 10},
    "slate of 10 candidates": {"slate": 10, "action": "candidates"},
    "slate of 10 by proto": {"slate": 10, "action": "proto"},
}
"""What of `Task.synthetic` each takes."""


def measure(scope: Scope) -> list[dict[str, Any]]:
    """Of 1, 64 and 1,024 users; the factor is of the steps a second of 1,024 users to whom items are said."""
    runs = {f"{mode} {users}": _run(mode, users, scope) for mode in MODES for users in CALLS}
    paces = in_turn(runs, scope.repeats)
    return [
        {
            "name": mode,
            **{f"of_{users}": typical(paces[f"{mode} {users}"])._asdict() for users in CALLS},
            "factor": ratio(paces[f"{mode} 1024"], paces["item 1024"])._asdict(),
        }
        for mode in MODES
    ]


def _run(mode: str, users: int, scope: Scope) -> Callable[[], int]:
    task, calls = Task.synthetic(num_items=1682, dim=64, **MODES[mode]), round(CALLS[users] * scope.scale)
    return single(RecommendEnv(task), calls) if users == 1 else stepping(task, users, calls)
