"""From a thousand to a million items: what a step, a step of training and a look-up take, and how much memory."""

import resource
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.environment import stepping
from benchmarks.lookup import latencies
from benchmarks.measure import in_turn, typical
from benchmarks.scope import Scope
from benchmarks.training import learn, learner, start
from recloop.agents.ppo import PPOAgent
from recloop.envs.actions import Candidates
from recloop.envs.catalog import Catalog, Floats
from recloop.envs.datasets.synthetic import Synthetic
from recloop.envs.indexes import Auto
from recloop.envs.made import Made
from recloop.envs.observations import Pooled
from recloop.envs.task import Task
from recloop.envs.users import Population
from recloop.experiments.look_up import LookUp

SIZES = (1_000, 10_000, 100_000, 1_000_000)
USERS = 1_024


def measure(scope: Scope) -> list[dict[str, Any]]:
    """A row for each size, rising, so that the peak of memory is that of the size."""
    return [_row(num_items, scope) for num_items in SIZES[: 2 if scope.quick else None]]


def _row(num_items: int, scope: Scope) -> dict[str, Any]:
    task = of_size(Synthetic(num_items=num_items, num_groups=num_items // 10).vectors())
    runs = {"step": stepping(task, USERS, round(200 * scope.scale)), "training": _training(task, scope)}
    paces, items = in_turn(runs, scope.repeats), task.observation.items
    return {
        "name": f"{num_items:,} items",
        **typical(paces["step"])._asdict(),
        "training": typical(paces["training"])._asdict(),
        **latencies(items.index, items.vectors, scope),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _training(task: Task, scope: Scope) -> Callable[[], int]:
    """Go on training PPO among candidates, which are looked up at every step."""
    model = learner(PPOAgent(num_envs=16, rollout_steps=16, batch_size=256), replace(task, actions=Candidates()))
    start(model)
    return lambda: learn(model, max(1, round(8 * scope.scale)) * 256)


def of_size(vectors: Floats) -> Task:
    """The synthetic task with other items, which are looked up as the default configuration does."""
    num_items, base = len(vectors), Task.synthetic(dim=vectors.shape[1])
    names = Made(num_items, lambda row: f"item {row}")
    shares, quality = np.full(num_items, 1 / num_items, np.float32), np.zeros(num_items, np.float32)
    world = Catalog(vectors, names, names, names, shares, quality, look_up=LookUp(Auto(), 1))
    population = Population.synthetic(vectors)
    simulator = replace(base.simulator, world=world, population=population)
    return Task(simulator, Pooled(world, population.tastes, simulator.sessions.max_steps), base.reward)
