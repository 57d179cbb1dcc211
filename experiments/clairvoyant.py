"""More than any policy can get: an upper bound of the best value of a large environment.

A policy that knew all the luck in advance would do at least as well as any that does not, session by session (weak
duality: Brown, Smith and Sun, 2010, Information Relaxations and Duality in Stochastic Dynamic Programs). Its optimum is
out of reach in a world of thousands of items, so it is relaxed further, until each step can be maximised on its own.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.evaluate import Luck

if TYPE_CHECKING:
    from recloop.envs.task import Task


def clairvoyant_bound(task: "Task", luck: Luck) -> tuple[NDArray[np.float64], str]:
    """An upper bound of the return of each session, [sessions], and in words what was relaxed.

    In a world of clicks, boredom, drift and patience that rewards enjoyment or clicks, the relaxed user

    - never leaves, and is never bored (both only take from the return);
    - has drifted by step t from the taste at arrival, which is known, towards whatever item is best, as far as t clicks
      could have taken them: with the taste at an angle of at most a_t to that at arrival, the affinity of an item at an
      angle of b is at most cos(max(0, b - a_t));
    - is counted by the chance of a click, not by the click: in expectation that is the same for every policy that
      cannot foresee, and it keeps the luck of clicks, which nobody can plan for, out of the bound.

    In any other world, and with slates, each step counts the greatest reward that there is, and nobody leaves.
    """
    steps = task.simulator.sessions.max_steps
    if (drift := _drift_rates(task)) is None:
        return np.full(len(luck.who), steps * _greatest(task)), "every step has the greatest reward, nobody leaves"
    weight = sum(task.reward.weights.values())
    total = weight * _without_boredom(task, luck, _widest_angles(*drift, steps))
    return total, "nobody is bored or leaves, every taste has drifted to the item that is shown"


def _greatest(task: "Task") -> float:
    """The greatest reward of one step, 0 or more; where one item of a slate is clicked at most, one click."""
    from recloop.envs.choice import Cascade, MultinomialLogit

    choice, weights = task.simulator.choice, task.reward.weights
    if isinstance(choice, Cascade | MultinomialLogit) and weights.keys() <= {"enjoyment", "click"}:
        return max(sum(weights.values()), 0.0)
    return max(task.reward.bounds(choice.slate)[1], 0.0)


def _drift_rates(task: "Task") -> tuple[float, float] | None:
    """Rate and return rate of the drift (0, 0 without one) where the bound of the known world holds."""
    from recloop.envs.choice import Click
    from recloop.envs.dynamics import Boredom, Drift

    simulator, weights = task.simulator, task.reward.weights
    drifts = [part for part in simulator.dynamics if type(part) is Drift]
    bored = [part for part in simulator.dynamics if type(part) is Boredom and part.weight >= 0]
    known = (
        type(simulator.choice) is Click
        and len(drifts) + len(bored) == len(simulator.dynamics)
        and len(drifts) < 2
        and all(drift.rate >= 0 and 0 <= drift.return_rate < 1 for drift in drifts)
        and weights.keys() <= {"enjoyment", "click"}
        and all(weight >= 0 for weight in weights.values())
    )
    if not known:
        return None
    return (drifts[0].rate, drifts[0].return_rate) if drifts else (0.0, 0.0)


def _widest_angles(rate: float, return_rate: float, steps: int) -> list[float]:
    """How far the taste can be from that at arrival at each step, in radians.

    From an angle a the pull back to the profile leads to the vector of (cos a + return_rate, sin a), and a click adds a
    vector of length `rate`, which turns it by at most the arc sine of rate over its length.
    """
    angles = [0.0]
    while len(angles) < steps:
        along, across = np.cos(angles[-1]) + return_rate, np.sin(angles[-1])
        turned = np.arctan2(across, along) + np.arcsin(min(rate / max(np.hypot(along, across), 1e-9), 1.0))
        angles.append(float(min(turned, np.pi)) if rate < np.hypot(along, across) else float(np.pi))
    return angles


def _without_boredom(task: "Task", luck: Luck, angles: list[float]) -> NDArray[np.float64]:
    """Sum over steps of the greatest chance of a click, [sessions]."""
    simulator = task.simulator
    users = simulator.arrive(luck.who, luck.arrival)
    apart = np.arccos(np.clip(users.taste @ simulator.world.vectors.T, -1, 1))  # [sessions, num_items]
    choice = simulator.choice
    total = np.zeros(len(users.who))
    for angle in angles:
        affinity = np.cos(np.maximum(apart - np.float32(angle), 0))
        log_odds = choice.scale * (affinity - choice.offset) + simulator.world.quality
        total += 1 / (1 + np.exp(-log_odds.max(axis=1).astype(np.float64)))
    return total
