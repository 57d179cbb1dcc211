import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, PLANNER, RANDOM
from recloop.experiments.sessions import Curve, Key, Played, Sessions
from tests.experiments import tiny
from tests.experiments.wandb_stub import Server, serving

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


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of films, and an empty one for runs; no network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECLOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("here")
        (folder / "films").mkdir()
        tiny.films(folder / "films")
        yield folder


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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and working folder; W&B's own process is ended afterwards."""
    import wandb

    home, work = tmp_path / "home-canary", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    yield home
    wandb.teardown()


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A W&B server that the user of `home` is logged in to."""
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "local-" + 40 * "a")
        yield server
