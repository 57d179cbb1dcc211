"""Steps a second of 1,024 users with each part of the dynamics switched on beside the default ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.environment import stepping
from benchmarks.measure import Pace, in_turn, ratio, typical
from benchmarks.scope import Scope
from recloop.envs.dynamics import Part
from recloop.envs.observations import Pooled
from recloop.envs.parts.ad_fatigue import AdFatigue
from recloop.envs.parts.daily_rhythm import DailyRhythm
from recloop.envs.parts.device import Device
from recloop.envs.parts.interest_shift import InterestShift
from recloop.envs.parts.popularity import PopularityPull
from recloop.envs.parts.repeats import Repeats
from recloop.envs.parts.satiation import Satiation
from recloop.envs.parts.satisfaction import Satisfaction
from recloop.envs.parts.timeout import TimeOut
from recloop.envs.parts.trust import Trust
from recloop.envs.task import Task

USERS, GOAL = 1024, 1_000_000
DEFAULT = "default: boredom, drift"
PARTS: dict[str, Part] = {
    "timeout": TimeOut(),
    "satiation": Satiation(),
    "satisfaction": Satisfaction(),
    "interest_shift": InterestShift(),
    "popularity": PopularityPull(),
    "trust": Trust(),
    "daily_rhythm": DailyRhythm(),
    "device": Device(),
    "repeats": Repeats(),
    "ad_fatigue": AdFatigue(),
}
"""Named as in configs/env/dynamics/."""


def measure(scope: Scope) -> list[dict[str, Any]]:
    """The default, then each part beside it, then all at once; the factor is of the default's steps a second."""
    task, count = scope.task, round(500 * scope.scale)
    runs: dict[str, Callable[[], int]] = {DEFAULT: stepping(task, USERS, count)}
    runs |= {f"+ {name}": stepping(_with(task, part), USERS, count) for name, part in PARTS.items()}
    runs["+ all of them"] = stepping(_with(task, *PARTS.values()), USERS, count)
    paces = in_turn(runs, scope.repeats)
    return [_row(name, own, paces[DEFAULT]) for name, own in paces.items()]


def _row(name: str, own: list[Pace], default: list[Pace]) -> dict[str, Any]:
    pace = typical(own)
    goals = {"goal": GOAL, "of_goal": pace.wall / GOAL}
    return {"name": name, **goals, **pace._asdict(), "factor": ratio(own, default)._asdict()}


def _with(task: Task, *parts: Part) -> Task:
    """The task with more dynamics; a tenth of the items are ads, and everybody trusts somebody."""
    base = task.simulator
    prices = (np.arange(base.world.num_items) % 10 == 0).astype(np.float32)
    population = replace(base.population, trusted=np.roll(base.population.tastes, 1, axis=0))
    simulator = replace(
        base, world=replace(base.world, prices=prices), population=population, dynamics=(*base.dynamics, *parts)
    )
    visible = simulator.visible if len(simulator.visible) else None
    pooled = Pooled(simulator.world, population.tastes, base.sessions.max_steps, visible=visible)
    return replace(task, simulator=simulator, observation=pooled)
