import numpy as np
import pytest

from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, PLANNER, RANDOM
from recloop.experiments.sessions import Curve, Key, Played, Sessions

USERS, STEPS, NUM_ITEMS = 60, 10, 30


def play(key: Key, share_clicked: float, seeds: int = 0) -> Played:
    """Sessions in which that share of the recommendations is clicked; `seeds` > 0 makes it a trained agent."""
    rng = np.random.default_rng([round(1000 * share_clicked), seeds])
    sessions = tuple(_sessions(share_clicked, rng) for _ in range(max(seeds, 1)))
    curve = Curve(np.array([0, 500, 1000], np.int32), np.array([1, 2, STEPS * share_clicked], np.float32))
    return Played(*key, seeds > 0, sessions, (curve,) * seeds)


def _sessions(share_clicked: float, rng: np.random.Generator) -> Sessions:
    clicks = (rng.random((USERS, STEPS)) < share_clicked).astype(np.float32)
    items = rng.integers(0, NUM_ITEMS, (USERS, STEPS), dtype=np.int32)
    return Sessions(np.arange(USERS, dtype=np.int32), items, clicks, clicks)


@pytest.fixture
def played() -> list[Played]:
    """An environment that needs planning, and an agent that plans."""
    return [
        play(RANDOM, 0.1),
        play((HEURISTIC, "observed"), 0.65),
        play(("PPO", "observed"), 0.7, seeds=3),
        play(GREEDY_ORACLE, 0.4),
        play((HEURISTIC, "true state"), 0.8),
        play(PLANNER, 0.9),
    ]


@pytest.fixture
def vectors() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The catalog's item vectors, [num_items, dim]."""
    return np.random.default_rng(0).normal(size=(NUM_ITEMS, 4))


@pytest.fixture
def popularity() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Logged interactions of every item, [num_items]."""
    return np.arange(NUM_ITEMS)
