"""Each component by hand, then bounds for any weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recloop.envs.catalog import Catalog
from recloop.envs.rewards import Reward, Step
from recloop.envs.simulator import Response
from recloop.envs.task import Task
from recloop.envs.users import Population

COMPONENTS = list(Reward.__dataclass_fields__)


def step(plane: Catalog, affinity: float = -0.25, enjoyment: float = 0.6, left: bool = False) -> Step:
    """Item B was shown to somebody whose exposure is (3, 4), that is at cosine 0.8 to it."""
    users = Population(plane.vectors, np.array([0])).arrive(np.array([0]), np.zeros((1, 2), np.float32))
    users = users._replace(exposure=np.array([[3, 4]], np.float32))
    numbers = (np.array([value], np.float32) for value in (1.0, enjoyment, affinity, 0.0))
    return Step(users, users, np.array([1]), Response(*numbers), np.array([left]))


@pytest.mark.parametrize(
    ("component", "worth"),
    [
        ("enjoyment", 0.6),
        ("raw_similarity", 0.75),
        ("centred_similarity", -0.25),
        ("click", 1.0),
        ("rating", 3.0),  # 1 + 4 * 0.6 = 3.4
        ("diversity", 0.2),
        ("novelty", 1.0),  # a quarter of the log, as rare as any
        ("retention", 1.0),
        ("revenue", 0.3),  # a price of 0.5
    ],
)
def test_a_component_is_worth(plane: Catalog, component: str, worth: float) -> None:
    reward = Reward(**{"enjoyment": 0, component: 2})
    with_ad = replace(plane, prices=np.array([0, 0.5, 0], np.float32))
    assert reward(step(plane), with_ad)[0] == pytest.approx(2 * worth, rel=1e-5)


def test_every_component_has_a_test() -> None:
    (mark,) = test_a_component_is_worth.pytestmark  # type: ignore[attr-defined]
    assert [name for name, _ in mark.args[1]] == COMPONENTS


def test_a_more_popular_item_is_less_novel(plane: Catalog) -> None:
    popular = step(plane)._replace(items=np.array([0]))  # half of the log: 1 bit of 2
    assert Reward(enjoyment=0, novelty=1)(popular, plane)[0] == pytest.approx(0.5)


def test_the_step_that_makes_a_user_leave_retains_nobody(plane: Catalog) -> None:
    assert Reward(enjoyment=0, retention=1)(step(plane, left=True), plane)[0] == 0


def test_components_add_up_by_their_weights(plane: Catalog) -> None:
    assert Reward(enjoyment=2, click=-0.5)(step(plane), plane)[0] == pytest.approx(2 * 0.6 - 0.5, rel=1e-5)


def test_clicks_of_a_slate_add_up_and_stars_are_their_mean(plane: Catalog) -> None:
    one = step(plane)
    two = [np.array([[value, other]], np.float32) for value, other in ((1, 0), (0.6, 0.1), (0.5, 0.1), (0, 0))]
    slate = one._replace(items=np.array([[1, 2]]), response=Response(*two))
    assert Reward()(slate, plane)[0] == pytest.approx(0.7)
    assert Reward(enjoyment=0, centred_similarity=1)(slate, plane)[0] == pytest.approx(0.3)
    assert Reward().bounds(slate=2) == (0, 2)


def test_bounds_by_hand() -> None:
    assert Reward(enjoyment=2, centred_similarity=-3, rating=1).bounds() == (0 - 3 + 1, 2 + 3 + 5)


@settings(max_examples=60)
@given(st.lists(st.floats(-10, 10, width=16), min_size=len(COMPONENTS), max_size=len(COMPONENTS)), st.integers(0, 99))
def test_the_reward_stays_within_its_bounds_for_any_weights(weights: list[float], seed: int) -> None:
    assume(any(weights))
    named: dict[str, Any] = dict(zip(COMPONENTS, weights, strict=True))
    task = Task.synthetic(20, 4, **named)
    low, high = task.reward.bounds()
    rng = np.random.default_rng(seed)
    session = task.arrive(task.simulator.draw(8, rng))
    for _ in range(12):
        session, outcome = task.step(session, rng.integers(20, size=8), rng.random(8, np.float32))
        assert outcome.reward.dtype == np.float32
        assert (outcome.reward >= low - 1e-4).all()
        assert (outcome.reward <= high + 1e-4).all()


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused_by_name(weight: float) -> None:
    with pytest.raises(ValueError, match="reward weight novelty is"):
        Reward(novelty=weight)


def test_a_reward_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="all reward weights are 0"):
        Reward(enjoyment=0)
