"""The rollout planner, where it pays to wait and where it does not."""

import numpy as np
import pytest

from recloop.agents.baselines import Greedy
from recloop.agents.planner import RolloutPlanner
from recloop.agents.policy import Floats, Ints
from tests.agents.test_baselines import ITEMS


class Shop:
    """Item A pays 1 and ends the session; any other pays `patience` and leaves everything as it was."""

    def __init__(self, patience: float) -> None:
        self.patience = patience

    def step(self, observations: Floats, items: Ints) -> tuple[Floats, Floats, Floats]:
        ends = items == 0
        return observations, np.where(ends, 1, self.patience).astype(np.float32), 1 - ends.astype(np.float32)


LIKES_A = np.array([[1, 0, 0, 0], [0.9, 0.1, 0, 0]], np.float32)


@pytest.mark.parametrize(("patience", "chosen"), [(0.5, {1, 2}), (-0.5, {0})])
def test_a_smaller_reward_now_is_taken_where_more_comes_later(patience: float, chosen: set[int]) -> None:
    planner = RolloutPlanner(Shop(patience), Greedy(ITEMS), 3, candidates=3, horizon=2)
    assert Greedy(ITEMS).predict(LIKES_A)[0].tolist() == [0, 0]
    actions, _ = planner.predict(LIKES_A)
    assert set(actions.tolist()) <= chosen


def test_only_the_candidates_of_the_base_policy_are_tried() -> None:
    planner = RolloutPlanner(Shop(0.5), Greedy(ITEMS), 3, candidates=1, horizon=2)
    assert planner.predict(LIKES_A)[0].tolist() == [0, 0]


def test_what_another_policy_holds_best_is_tried_too() -> None:
    likes_b = Greedy(ITEMS, quality_weight=9.0)
    planner = RolloutPlanner(Shop(0.5), Greedy(ITEMS), 3, candidates=1, horizon=2, also=[likes_b])
    assert planner.predict(LIKES_A)[0].tolist() == [1, 1]


class Shelf(Shop):
    """The same with two items at a time: A must not be among them."""

    def step(self, observations: Floats, items: Ints) -> tuple[Floats, Floats, Floats]:
        assert items.shape[1:] == (2,)
        return super().step(observations, items.min(axis=1))


def test_slates_are_tried_without_the_item_at_the_top_of_the_one_before() -> None:
    planner = RolloutPlanner(Shelf(0.5), Greedy(ITEMS, slate=2), 3, candidates=5, horizon=2)
    assert planner.predict(LIKES_A)[0].tolist() == [[2, 1], [2, 1]]
    assert planner.candidates == 2  # A and C, C and B
