"""How long a recommendation takes, how many of the best items it misses, and how much memory it needs."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from benchmarks.scope import Scope
from recloop.agents.policy import Floats, Ints

SIZES = {"1,682 items": 1_682, "100,000 items": 100_000, "1,000,000 items": 1_000_000}
DIM, BEST, CALLS, TRAINING_STEPS = 64, 10, 500, 40_000


class Milliseconds(NamedTuple):
    """Of one call: the median and what one in a hundred exceeds, and the median of this process's processor time."""

    p50: float
    p99: float
    cpu: float


def measure(scope: Scope) -> list[dict[str, Any]]:
    """A row for each size of the catalog, measured in a process of its own: its peak of memory is its own.

    The process before it, the first one with these items, has built the shortlist that every later one finds.

    Items are made up, and served from a file, as those of a run are; the agent is PPO after a minute with 2,000 others,
    since its weights know no catalog.
    """
    calls, steps = max(round(CALLS * scope.scale), 20), round(TRAINING_STEPS * scope.scale)
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(1, None, (), 1) as pool:
        weights = pool.apply(_trained, (steps,))
        rows = []
        for name, num_items in SIZES.items():
            path = Path(folder) / name
            pool.apply(_made, (num_items, path))
            first = pool.apply(_ready, (path, weights))
            row = pool.apply(_measured, (path, calls, weights))
            rows.append({"name": name, "first_seconds_to_get_ready": first, **row})
        return rows


def _trained(steps: int) -> dict[str, Floats]:
    """Weights of PPO's item head."""
    import torch

    from benchmarks.training import learner
    from recloop.agents.ppo import PPOAgent
    from recloop.envs.task import Task

    torch.set_num_threads(1)
    model = learner(PPOAgent(), Task.synthetic(2_000, DIM))
    model.learn(steps, log_interval=None)  # type: ignore[arg-type]
    return {name: tensor.numpy() for name, tensor in model.policy.state_dict().items()}


def _made(num_items: int, path: Path) -> None:
    """Write made-up items to `path`; what their projection says of texts means nothing."""
    from recloop.encoders.projection import Projection
    from recloop.envs.catalog import Catalog
    from recloop.experiments.served import Served

    catalog = Catalog.synthetic(num_items, DIM)
    draw = np.random.default_rng(0)
    projection = Projection(np.zeros(384, np.float32), draw.normal(size=(DIM, 384)).astype(np.float32))
    Served(catalog, catalog.titles, catalog.vectors, projection).save(path)


def _ready(path: Path, weights: dict[str, Floats]) -> float:
    """Seconds until one can recommend."""
    start = time.perf_counter()
    _recommender(path, weights)
    return time.perf_counter() - start


def _peak_gigabytes() -> float:
    """Of this process since it began; `ru_maxrss` would count those of the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


def _measured(path: Path, calls: int, weights: dict[str, Floats]) -> dict[str, Any]:
    import faiss
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    start = time.perf_counter()
    recommender = _recommender(path, weights)
    ready = time.perf_counter() - start
    states, people = _states(recommender, calls), _people(max(calls // 5, 10))
    given = _milliseconds(lambda row: recommender.recommend_states(states[row : row + 1], BEST), calls)
    read = _milliseconds(lambda row: recommender.recommend(people[row], k=BEST), len(people))
    gigabytes = _peak_gigabytes()
    return {
        "num_items": recommender.num_items,
        "seconds_to_get_ready": ready,
        "state_given": given._asdict(),
        "text_read": read._asdict(),
        "recall": _recall(recommender, states[:200]),
        "gigabytes": gigabytes,
    }


def _recommender(path: Path, weights: dict[str, Floats]) -> Any:
    """As `Recommender.load` makes one, without a run."""
    import torch

    from benchmarks.training import learner
    from recloop.agents.ppo import PPOAgent
    from recloop.envs.index import Exact
    from recloop.experiments.compose import composed
    from recloop.experiments.recommender import Recommender, Texts, ranking
    from recloop.experiments.served import Served
    from recloop.experiments.setting import item_space
    from recloop.experiments.told import Told

    cfg, items = composed([]), Served.load(path, Exact)
    told = Told(cfg, items, Texts(cfg, items.projection))
    model = learner(PPOAgent(), told.task)
    model.policy.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return Recommender(items, told, ranking(model, item_space(told.task)))


def _states(recommender: Any, number: int) -> Floats:
    """Of users who like two items at random, and what lies between them."""
    from recloop.envs.users import Population

    return Population.synthetic(recommender.items.items.vectors, number).tastes


def _people(number: int) -> list[str]:
    """Different texts of people."""
    jobs, whats = ("writer", "doctor", "student"), ("the sea", "robots", "kings and queens", "lonely detectives")
    return [
        f"A {18 + row % 60}-year-old {jobs[row % 3]} who likes films about {whats[row % 4]} and number {row}."
        for row in range(number)
    ]


def _milliseconds(call: Callable[[int], object], calls: int) -> Milliseconds:
    """Of `calls` calls, one after the other, after some that are not counted."""
    for row in range(min(10, calls)):
        call(row)
    wall, cpu = np.empty(calls), np.empty(calls)
    for row in range(calls):
        start, started = time.perf_counter(), time.process_time()
        call(row)
        wall[row], cpu[row] = time.perf_counter() - start, time.process_time() - started
    median, slow = np.percentile(1e3 * wall, [50, 99]).tolist()
    return Milliseconds(median, slow, float(np.median(1e3 * cpu)))


def _recall(recommender: Any, states: Floats) -> float:
    """Share of the ten items that the whole head values highest that are recommended."""
    from recloop.agents.ranking import Exhaustive

    exact, nobody = Exhaustive(recommender.ranking.model), [np.empty(0, np.int64)]
    shares = []
    for row in range(len(states)):
        observation = recommender.told.arrived(states[row : row + 1])
        best: Ints = exact.best(observation, BEST, nobody)[0]
        shares.append(np.isin(best, recommender.ranking.best(observation, BEST, nobody)[0]).mean())
    return float(mean(shares))
