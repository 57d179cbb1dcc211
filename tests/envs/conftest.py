"""A world small enough to do by hand: three items in a plane, one user."""

import numpy as np
import pytest

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.choice import Click
from recloop.envs.dynamics import Boredom, Drift
from recloop.envs.observations import Pooled
from recloop.envs.rewards import Reward
from recloop.envs.sessions import Patience
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.envs.users import Population

VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)


def catalog(vectors: Floats = VECTORS, **columns: object) -> Catalog:
    """Items called A, B, C, ...; `columns` replace the defaults."""
    names = [chr(ord("A") + index) for index in range(len(vectors))]
    defaults: dict[str, object] = {
        "titles": names,
        "texts": [f"film {name}" for name in names],
        "groups": ["film"] * len(names),
        "popularity": np.array([0.5, 0.25, 0.25], np.float32)[: len(names)],
        "quality": np.array([0, 0, 0.5], np.float32)[: len(names)],
    }
    return Catalog(vectors=vectors, **{**defaults, **columns})  # type: ignore[arg-type]


@pytest.fixture
def plane() -> Catalog:
    return catalog()


@pytest.fixture
def simulator(plane: Catalog) -> Simulator:
    """One user, who likes item A: enjoyment = sigmoid(10 * (affinity - 0.5 * boredom - 0.5) + quality)."""
    population = Population(np.array([[1, 0]], np.float32), np.array([0]), spread=0.0)
    dynamics = (Boredom(weight=0.5, half_life_steps=1.0, gain=2.0), Drift(rate=0.1, return_rate=0.0))
    return Simulator(
        plane, population, Click(scale=10, offset=0.5), dynamics, Patience(max_steps=5, gain=0.2, loss=0.4)
    )


@pytest.fixture
def task(simulator: Simulator, plane: Catalog) -> Task:
    states = np.array([[0, 1]], np.float32)  # what the platform believes: the user likes B
    return Task(simulator, Pooled(plane, states, 5, click_rate=0.1, half_life_steps=1.0, gain=2.0), Reward())
