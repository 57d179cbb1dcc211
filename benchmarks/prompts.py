"""Steps a second of an environment whose states are prompts: one by one and together; and pooled."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from benchmarks.measure import Paces, in_turn, ratio, typical
from benchmarks.scope import Scope
from recloop.encoders.encoder import Vectors
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

USERS = 64
STEPS = {"default prompts": 10, "skips untold": 40}
"""So many are walked of each kind: what changes with clicks alone is known at most steps."""

ALONE_STEPS, POOLED_STEPS = 2, 2_000
DEFAULT, UNTOLD = STEPS
UNTOLD_WORD = "prompts.history.tells_skipped=false"


def measure(scope: Scope) -> list[dict[str, Any]]:
    """64 users of MovieLens-100K, recommended items at random, whose texts MiniLM reads at every step on one thread.

    `one by one` asks for a text a call, of a model that reads a single text in a batch of one, and keeps nothing, which
    is what a program does that calls an encoder for each user. `together` reads all new texts of a step at once, each
    once, and remembers them; every walk meets new users and begins with nothing known.
    """
    from recloop.experiments.compose import composed
    from recloop.experiments.setting import build_setting

    pooled = build_setting(composed([])).train
    words = {DEFAULT: [], UNTOLD: [UNTOLD_WORD]}
    prompts = {name: build_setting(composed(["env/observation=prompt", *own])).train for name, own in words.items()}
    counted: dict[str, list[Any]] = {name: [] for name in STEPS}
    seeds = count()
    runs: dict[str, Callable[[], int]] = {"pooled": lambda: walk(pooled, round(POOLED_STEPS * scope.scale), 0)}
    for name, task in prompts.items():
        runs[f"{name}, one by one"] = partial(one_by_one, task, seeds)
        runs[f"{name}, together"] = partial(together, task, STEPS[name], seeds, counted[name])
    paces = in_turn(runs, scope.repeats)
    return [_row(name, paces, counted) for name in runs]


def one_by_one(task: Task, seeds: Iterator[int]) -> int:
    """Walk a little, a text a call."""
    from recloop.experiments.recommender import by_single_texts

    live: Any = task.observation
    reader = live.texts_to_vectors.reader
    single = by_single_texts(reader.encoder.encoder)

    def read(texts: Sequence[str]) -> Vectors:
        return np.concatenate([reader.projection(single.encode([text])) for text in texts])

    return walk(reading(task, read), ALONE_STEPS, next(seeds))


def together(task: Task, steps: int, seeds: Iterator[int], counted: list[Any]) -> int:
    """Walk as training does, from nothing; what was read is added to `counted`."""
    from recloop.experiments.remembering import Remembering

    live: Any = task.observation
    fresh = Remembering(live.texts_to_vectors.reader)
    walked = walk(reading(task, fresh), steps, next(seeds))
    counted.append(fresh.counts)
    return walked


def _row(name: str, paces: Paces, counted: dict[str, list[Any]]) -> dict[str, Any]:
    from recloop.experiments.remembering import total

    kind, _, way = name.partition(", ")
    alone = paces[f"{kind if way else DEFAULT}, one by one"]
    row = {"name": name, **typical(paces[name])._asdict(), "factor": ratio(paces[name], alone)._asdict()}
    if way != "together":
        return row
    counts = total(counted[kind])
    known = (counts.hits + counts.repeats) / counts.prompts
    return row | {"known": known, "tokens": (counts.tokens or 0) / max(counts.read, 1)}


def reading(task: Task, read: Callable[[Sequence[str]], Vectors]) -> Task:
    """The same task, whose prompts are read by `read`."""
    observation: Any = copy(task.observation)
    observation.texts_to_vectors = read
    return replace(task, observation=observation)


def walk(task: Task, steps: int, seed: int) -> int:
    """Serve `USERS` users items at random; how many user steps that was."""
    env = RecommendVectorEnv(USERS, task)
    env.reset(seed=seed)
    draw = np.random.default_rng(seed)
    for _ in range(steps):
        env.step(draw.integers(task.simulator.world.num_items, size=USERS))
    return steps * USERS
