"""Steps a second of other simulators beside recloop's, at the same number of items, under a random policy.

Each peer steps one user at a time, as its authors have it. What one step does differs; the row says it.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from benchmarks.environment import single, stepping
from benchmarks.measure import Pace, Paces, by_their_clocks, pace, ratio, typical
from benchmarks.scope import Scope
from benchmarks.visitors import SCRIPTS, AbsentError, installed, visiting
from recloop.encoders.files import cache_folder
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task


class Peer(NamedTuple):
    """A simulator, and what one of its steps does."""

    release: str
    script: str
    items: tuple[int, ...]
    steps: int  # timed at once
    does: str


PEERS = (
    Peer(
        "sardine-rec 1.0.8",
        "sardine_rec",
        (1682,),
        3000,
        "boredom by topic, influence of clicks, position-based click, 10 topics; scores the whole catalog; sees slate, "
        "clicks and a histogram of 10 topics",
    ),
    Peer(
        "gym-recsys 0.0.3",
        "gym_recsys",
        (1682,),
        3000,
        "choice between the item and none, history of 10 clicks; the user model is whoever uses it, here ours: mean of "
        "vectors, 64 dims; sees that mean",
    ),
    Peer(
        "recogym 0.1.3.0",
        "recogym",
        (10, 1682, 10_000),
        3000,
        "click, and views of the user's own will between recommendations, interest drifting in 5 dims; sees the views",
    ),
    Peer(
        "recsim-no-tf 0.2.3",
        "recsim",
        (10, 1682),
        1000,
        "interest evolution: choice, watch time, a budget of time, 20 topics; sees user, response and every candidate",
    ),
    Peer("mars-gym 0.1.0", "mars_gym", (1682,), 1000, "logged data, no user dynamics"),
    Peer("trecs 0.2.1", "trecs", (1682,), 1000, "no Gymnasium-style environment"),
)
OURS = "boredom, drift, patience, click, 64 dims; observation of 131 numbers"
USERS = 1024


def measure(scope: Scope) -> list[dict[str, Any]]:
    """For each number of items, recloop's two ways and every peer that has so many."""
    sizes = sorted({items for peer in PEERS for items in peer.items})
    return [row for num_items in sizes for row in _side_by_side(num_items, scope)]


def _side_by_side(num_items: int, scope: Scope) -> list[dict[str, Any]]:
    """In turn; a peer that is not there says why."""
    runs, why = _recloop(num_items, scope.scale), {}
    with ExitStack() as visits:
        for peer in PEERS:
            if num_items in peer.items:
                try:
                    runs[peer.release] = _ready(peer, num_items, scope.scale, visits)
                except AbsentError as reason:
                    why[peer.release] = f"{reason}"
        paces = by_their_clocks(runs, scope.repeats)
    return _ours(paces, num_items) + [_row(peer, num_items, paces, why) for peer in PEERS if num_items in peer.items]


def _recloop(num_items: int, scale: float) -> dict[str, Callable[[], Pace]]:
    task = Task.synthetic(num_items=num_items, dim=64)
    ways = {
        "single": single(RecommendEnv(task), round(20_000 * scale)),
        "batched": stepping(task, USERS, round(500 * scale)),
    }
    return {way: partial(pace, run) for way, run in ways.items()}


def _ready(peer: Peer, num_items: int, scale: float, visits: ExitStack) -> Callable[[], Pace]:
    """The peer, which has shown that it can take a step."""
    python = installed(peer.script, cache_folder())
    visitor = visits.enter_context(visiting(python, SCRIPTS / f"{peer.script}.py", num_items))
    visitor.pace(1)
    return partial(visitor.pace, round(peer.steps * scale))


def _ours(paces: Paces, num_items: int) -> list[dict[str, Any]]:
    names = {"single": "recloop, single", "batched": f"recloop, {USERS:,} users"}
    return [
        {
            "name": name,
            "items": num_items,
            **typical(paces[way])._asdict(),
            "does": OURS if way == "single" else "the same",
        }
        for way, name in names.items()
    ]


def _row(peer: Peer, num_items: int, paces: Paces, why: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": peer.release, "items": num_items}
    if peer.release in why:
        return {**row, "does": f"not measured: {why[peer.release]}"}
    own = paces[peer.release]
    ratios = {way: ratio(paces[way], own)._asdict() for way in ("single", "batched")}
    return {**row, **typical(own)._asdict(), **ratios, "does": peer.does}
