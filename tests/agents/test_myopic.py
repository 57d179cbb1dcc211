"""The greedy oracle of any world, found by trying."""

import numpy as np
import pytest

from recloop.agents.baselines import Greedy
from recloop.agents.myopic import Myopic
from recloop.agents.policy import Floats, Ints
from recloop.envs.dynamics import Boredom
from recloop.envs.model import TrueModel
from recloop.envs.task import Task
from tests.agents.conftest import space_of


class Prices:
    """Every item pays its price, in each place of a slate half of what it pays in the place above."""

    def __init__(self, prices: list[float]) -> None:
        self.prices, self.asked = np.array(prices, np.float32), 0

    def step(self, observations: Floats, items: Ints) -> tuple[Floats, Floats, Floats]:
        self.asked += len(items)
        pays = self.prices[items.reshape(len(items), -1)]  # [m, slate]
        assert all(len(set(row)) == len(row) for row in items.reshape(len(items), -1).tolist())
        return observations, (pays * 0.5 ** np.arange(pays.shape[1])).sum(axis=1), np.ones(len(items), np.float32)


NOBODY = np.zeros((300, 1), np.float32)


def test_ties_are_broken_at_random_and_repeat_with_the_seed() -> None:
    first, twin, other = (Myopic(Prices([1, 3, 3, 2]), 4, seed).predict(NOBODY)[0] for seed in (0, 0, 1))
    assert np.bincount(first, minlength=4)[[0, 3]].sum() == 0
    assert np.bincount(first)[1:3].min() > 100
    np.testing.assert_array_equal(first, twin)
    assert not np.array_equal(first, other)


def test_the_best_slate_has_the_best_item_on_top() -> None:
    policy = Myopic(Prices([1, 4, 2, 3, 0]), 5, 0, slate=3)
    assert policy.predict(NOBODY[:2])[0].tolist() == [[1, 3, 2], [1, 3, 2]]


def test_a_place_gets_the_best_item_that_may_stand_there() -> None:
    slots = np.array([[1, 0, 1, 0, 0], [0, 1, 1, 0, 1]], bool)  # the item of price 3 fits no place
    policy = Myopic(Prices([1, 4, 2, 3, 0]), 5, 0, slate=2, slots=slots)
    assert policy.predict(NOBODY[:2])[0].tolist() == [[2, 1], [2, 1]]
    assert policy.scores(NOBODY[:1])[0, 3] == -np.inf


def test_only_candidates_are_tried_in_each_place() -> None:
    prices = Prices(list(range(50)))
    policy = Myopic(prices, 50, 0, slate=2, candidates=4)
    assert policy.predict(NOBODY[:1])[0].tolist() == [[49, 48]]
    assert prices.asked == 50 + 3 * 2 * (1 + policy.candidates)


@pytest.mark.parametrize(("enjoyment", "click"), [(1.0, 0.0), (0.0, 1.0)])
def test_it_chooses_what_the_formula_chooses_where_there_is_one(enjoyment: float, click: float) -> None:
    task = Task.synthetic(60, 8, max_steps=20, enjoyment=enjoyment, click=click).seeing_everything()
    items, model = space_of(task), TrueModel(task)
    boredom, choice = task.simulator.dynamics[0], task.simulator.choice
    assert isinstance(boredom, Boredom)
    formula, tried = Greedy(items, boredom.weight, 1 / choice.scale), Myopic(model, 60, seed=0)
    rng = np.random.default_rng(0)
    observation = model.oracle.read(task.simulator.draw(40, rng))
    for _ in range(10):
        items_chosen, _ = formula.predict(observation)
        np.testing.assert_array_equal(tried.predict(observation)[0], items_chosen)
        observation, _, _ = model.step(observation, items_chosen)


def test_it_maximises_rewards_that_no_formula_is_for() -> None:
    task = Task.synthetic(60, 8, max_steps=20, enjoyment=0.0, novelty=1.0).seeing_everything()
    model = TrueModel(task)
    observation = model.oracle.read(task.simulator.draw(5, np.random.default_rng(0)))
    rarest = task.simulator.world.popularity.min()
    chosen, _ = Myopic(model, 60, seed=0).predict(observation)
    np.testing.assert_allclose(task.simulator.world.popularity[chosen], rarest)
