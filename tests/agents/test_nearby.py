"""Heuristics among the items near a user: those of all items where all are near, and nearly as good where few are."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recloop.agents.baselines import MANY, Greedy, Popularity, Random, Sparing
from recloop.agents.nearby import Nearby
from recloop.agents.planner import RolloutPlanner
from recloop.agents.policy import Floats, ItemSpace
from recloop.envs.actions import Items
from recloop.envs.model import TrueModel
from recloop.envs.observations import size_of
from recloop.envs.task import Task

HEURISTICS: dict[str, Callable[[ItemSpace, int], Greedy]] = {
    "similarity": lambda items, slate: Greedy(items, slate=slate),
    "bored": lambda items, slate: Greedy(items, 0.6, 0.05, slate),
    "sparing": lambda items, slate: Sparing(items, 0.5, 0.05, 10.0, 0.5, 0.7, slate),
}


def space_of(task: Task) -> ItemSpace:
    items, stock = task.observation.items, task.actions.stock
    known = items.vectors, items.quality, items.popularity, task.layout
    return ItemSpace(*known, stock.slate, stock.slots, items.nearest)


def seen(task: Task, n: int = 40) -> Floats:
    """What is observed after some random recommendations, true states, [n, size]."""
    rng = np.random.default_rng(0)
    session = task.arrive(task.simulator.draw(n, rng))
    for _ in range(5):
        items = rng.integers(task.simulator.world.num_items, size=n)
        session, _ = task.step(session, items, rng.random(n, np.float32))
    return task.read(session)


@pytest.mark.parametrize("slate", [1, 3])
@pytest.mark.parametrize("heuristic", HEURISTICS)
def test_where_every_item_is_near_the_choice_is_that_of_the_heuristic(heuristic: str, slate: int) -> None:
    task = Task.synthetic(60, 8).seeing_everything()
    base = HEURISTICS[heuristic](space_of(task), slate)
    near, all_items = Nearby(base).predict(seen(task))[0], base.predict(seen(task))[0]
    np.testing.assert_array_equal(near, all_items)


@pytest.mark.parametrize("heuristic", ["similarity", "bored"])
def test_of_many_items_the_best_is_nearly_always_near(heuristic: str) -> None:
    task = Task.synthetic(5_000, 16).seeing_everything()
    base = HEURISTICS[heuristic](space_of(task), 1)
    found = Nearby(base).predict(seen(task, 200))[0]
    scores = base.scores(seen(task, 200))
    assert (scores[np.arange(200), found] > scores.max(axis=1) - 1e-5).mean() > 0.95


def test_what_was_shown_is_not_shown_again() -> None:
    task = replace(Task.synthetic(500, 8, max_steps=10), actions=Items(repeats=False))
    policy = Nearby(Greedy(space_of(task)))
    rng = np.random.default_rng(0)
    session, shown = task.arrive(task.simulator.draw(20, rng)), []
    for _ in range(10):
        shown.append(policy.predict(task.read(session))[0])
        session, _ = task.step(session, shown[-1], rng.random(20, np.float32))
    assert all(len(set(row)) == 10 for row in np.stack(shown, axis=1).tolist())


@pytest.mark.parametrize("slate", [1, 2])
def test_the_planner_among_near_items_is_the_planner_where_every_item_is_near(slate: int) -> None:
    task = Task.synthetic(60, 8, slate=slate).seeing_everything()
    base = Greedy(space_of(task), 0.6, 0.05, slate)
    observation = task.read(task.arrive(task.simulator.draw(20, np.random.default_rng(0))))
    planners = (RolloutPlanner(TrueModel(task), one, 60, candidates=4, horizon=3) for one in (base, Nearby(base)))
    one, other = (planner.predict(observation)[0] for planner in planners)
    np.testing.assert_array_equal(one, other)


def test_an_index_and_open_places_are_needed() -> None:
    items = space_of(Task.synthetic(60, 8))
    with pytest.raises(ValueError, match="items near a user need an index"):
        Nearby(Greedy(replace(items, nearest=None)))
    with pytest.raises(ValueError, match="open to any item"):
        Nearby(Greedy(items, slots=np.ones((1, 60), bool)))
    with pytest.raises(ValueError, match="60 items are too many to score them all"):
        Nearby(Greedy(items)).scores(np.zeros((1, 100), np.float32))


@pytest.mark.parametrize("slate", [1, 4])
def test_of_very_many_items_random_ones_are_different_and_new(slate: int) -> None:
    shown = np.repeat(np.arange(MANY - 5, dtype=np.float32)[None, ::997], 30, axis=0)
    policy = Random(MANY, 0, slate, shown=slice(0, shown.shape[1]))
    items = np.concatenate([policy.predict(shown)[0].reshape(30, slate) for _ in range(20)])
    assert not np.isin(items, shown).any()
    assert all(len(set(row)) == slate for row in items.tolist())
    assert len(np.unique(items)) > 0.98 * items.size


def test_the_popular_come_in_order_without_what_was_shown() -> None:
    task = replace(Task.synthetic(50, 8, max_steps=6), actions=Items(repeats=False))
    items = space_of(task)
    order = np.argsort(-items.popularity, kind="stable")
    observation = np.full((1, size_of(task.layout)), -1, np.float32)
    observation[0, task.layout["shown"]] = [*order[:3], *order[4:6], -1]
    assert Popularity(items).predict(observation, np.array([2]))[0].tolist() == [order[3]]
    assert Popularity(items, slate=3).predict(observation, np.array([1]))[0].tolist() == [[order[3], *order[6:8]]]
