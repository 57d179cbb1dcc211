"""One step by hand, then what holds for any step."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.choice import Click
from recloop.envs.dynamics import Boredom, Drift, Event
from recloop.envs.sessions import Patience
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.envs.users import Population, Users

CERTAIN, NEVER = np.zeros(1, np.float32), np.ones(1, np.float32)
A, B, C = (np.array([item]) for item in range(3))


def arrived(simulator: Simulator) -> Users:
    return simulator.draw(1, np.random.default_rng(0))


def sigmoid(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def test_enjoyment_of_a_fresh_user_is_affinity_and_quality(simulator: Simulator) -> None:
    users = arrived(simulator)  # taste (1, 0)
    for item, log_odds in ((A, 10 * (1 - 0.5)), (B, 10 * (0 - 0.5)), (C, 10 * (0.6 - 0.5) + 0.5)):
        response = simulator.respond(users, item, NEVER)
        assert response.enjoyment[0] == pytest.approx(sigmoid(log_odds), rel=1e-5)
        assert response.cost[0] == 0


def test_boredom_after_two_showings_of_the_same_item(simulator: Simulator) -> None:
    users = arrived(simulator)
    for _ in range(2):
        users, _ = simulator.step(users, A, NEVER)
    np.testing.assert_allclose(users.exposure, [[1.5, 0]])  # 0.5 * (0.5 * 2) + 0.5 * 2
    response = simulator.respond(users, A, NEVER)
    assert response.cost[0] == pytest.approx(0.5 * 1.5)
    assert response.enjoyment[0] == pytest.approx(sigmoid(10 * (1 - 0.75 - 0.5)), rel=1e-5)


def test_boredom_spreads_to_similar_items_and_not_to_others(simulator: Simulator) -> None:
    users, _ = simulator.step(arrived(simulator), A, NEVER)  # exposure (1, 0)
    assert simulator.respond(users, B, NEVER).cost[0] == 0
    assert simulator.respond(users, C, NEVER).cost[0] == pytest.approx(0.5 * 0.6)


def test_a_click_drifts_taste_towards_the_item(simulator: Simulator) -> None:
    users, response = simulator.step(arrived(simulator), B, CERTAIN)
    assert response.click[0] == 1
    np.testing.assert_allclose(users.taste, [[1 / 1.01**0.5, 0.1 / 1.01**0.5]], rtol=1e-6)
    np.testing.assert_array_equal(users.profile, [[1, 0]])


def test_without_a_click_taste_stays(simulator: Simulator) -> None:
    users, response = simulator.step(arrived(simulator), B, NEVER)
    assert response.click[0] == 0
    np.testing.assert_allclose(users.taste, [[1, 0]], rtol=1e-6)


def test_taste_returns_to_the_profile(simulator: Simulator) -> None:
    users = arrived(simulator)._replace(taste=np.array([[0, 1]], np.float32))
    taste, nothing = users.taste, np.zeros((1, 2), np.float32)
    event = Event(B[:, None], NEVER[:, None] * 0, taste, nothing)
    moved = Drift(rate=0.1, return_rate=0.5).advance(users, users.own, event, simulator.world)
    np.testing.assert_allclose(moved.taste, [[0.5 / 1.25**0.5, 1 / 1.25**0.5]], rtol=1e-6)


def test_patience_adds_up_and_never_exceeds_one(simulator: Simulator) -> None:
    users, patience = arrived(simulator), []
    for noise in (CERTAIN, NEVER, CERTAIN, NEVER, NEVER):  # +0.2 -0.4 +0.2 -0.4 -0.4
        users, _ = simulator.step(users, A, noise)
        patience.append(float(users.patience[0]))
    assert patience == pytest.approx([1, 0.6, 0.8, 0.4, 0], abs=1e-6)


def test_the_same_noise_gives_two_users_the_same_luck(simulator: Simulator) -> None:
    users = simulator.draw(2, np.random.default_rng(0))
    response = simulator.respond(users, np.array([0, 0]), np.array([0.5, 0.5], np.float32))
    assert response.click[0] == response.click[1]


def test_a_step_leaves_the_users_before_it_as_they_were(simulator: Simulator) -> None:
    users = arrived(simulator)
    before = [field.copy() for field in users]
    simulator.step(users, A, CERTAIN)
    for field, kept in zip(users, before, strict=True):
        np.testing.assert_array_equal(field, kept)


def test_tastes_of_another_space_are_refused(plane: Catalog, simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="tastes have 3 dimensions, the world's items 2"):
        simulator.serving(Population(np.eye(3, dtype=np.float32), np.array([0])))


@pytest.mark.parametrize("items", [np.array([0, 1]), np.array([], np.int64), np.array(0)])
def test_a_batch_of_the_wrong_size_is_refused_before_compiled_code_sees_it(simulator: Simulator, items: Ints) -> None:
    with pytest.raises(ValueError, match="for 1 users"):
        simulator.step(arrived(simulator), items, NEVER)


def crowd(seed: int, n: int = 32) -> tuple[Simulator, Users, Ints, Floats]:
    """A world of any parameters, users in the middle of a session, what they are shown and their noise."""
    rng = np.random.default_rng(seed)
    world = Catalog.synthetic(30, 8, seed=seed)
    boredom = Boredom(rng.uniform(0, 2), rng.uniform(0.5, 20), rng.uniform(0, 5))
    dynamics = (boredom, Drift(rng.uniform(0, 1), rng.uniform(0, 1)))
    patience = Patience(20, gain=rng.uniform(0, 1), loss=rng.uniform(0, 1))
    simulator = Simulator(world, Population.synthetic(world.vectors, 40, seed), Click(), dynamics, patience)
    users = simulator.draw(n, rng)
    for _ in range(3):
        users, _ = simulator.step(users, rng.integers(30, size=n), (rng.random(n) * rng.integers(2)).astype(np.float32))
    return simulator, users, rng.integers(30, size=n), rng.random(n, np.float32)


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_a_click_moves_taste_towards_the_item_and_keeps_it_of_length_one(seed: int) -> None:
    simulator, users, items, noise = crowd(seed)
    clicked, ignored = (simulator.step(users, items, np.full_like(noise, luck))[0].taste for luck in (0, 1))
    towards = np.einsum("nd,nd->n", clicked - ignored, simulator.world.vectors[items])
    assert towards.min() > -1e-6
    np.testing.assert_allclose(np.linalg.norm(clicked, axis=1), 1, rtol=1e-5)


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_enjoyment_is_a_probability_and_patience_at_most_one(seed: int) -> None:
    simulator, users, items, noise = crowd(seed)
    after, response = simulator.step(users, items, noise)
    assert (response.enjoyment > 0).all()
    assert (response.enjoyment <= 1).all()
    assert after.patience.max() <= 1


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_permuting_items_permutes_results(seed: int) -> None:
    simulator, users, items, noise = crowd(seed)
    order = np.random.default_rng(seed).permutation(30)
    world = simulator.world
    moved = Catalog(
        world.vectors[order], world.titles, world.texts, world.groups, world.popularity[order], world.quality[order]
    )
    shuffled = Simulator(moved, simulator.population, simulator.choice, simulator.dynamics, simulator.sessions)
    expected, _ = simulator.step(users, items, noise)
    actual, _ = shuffled.step(users, np.argsort(order)[items], noise)
    for one, other in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 31))
def test_a_user_fares_the_same_bit_for_bit_in_any_company(seed: int, size: int) -> None:
    simulator, users, items, noise = crowd(seed)
    together: tuple[Any, ...] = simulator.step(users, items, noise)[0]
    everybody: tuple[Any, ...] = users
    some = Users(*(field[:size] for field in everybody))
    fewer: tuple[Any, ...] = simulator.step(some, items[:size], noise[:size])[0]
    for one, many in zip(fewer, together, strict=True):
        np.testing.assert_array_equal(one, many[:size])


class SameDrift(Drift):
    """Not exactly `Drift`, so that the parts are called one by one."""


@pytest.mark.parametrize("expected", [False, True])
def test_the_default_world_compiled_as_a_whole_does_what_its_parts_do(expected: bool) -> None:
    whole = Task.synthetic(num_items=50, dim=24).simulator
    parts = replace(whole, dynamics=(whole.dynamics[0], SameDrift()))
    rng = np.random.default_rng(0)
    users = others = whole.draw(100, rng)
    for _ in range(12):
        items, noise = rng.integers(50, size=100), rng.random(100, np.float32)
        users, response = whole.expected_step(users, items) if expected else whole.step(users, items, noise)
        others, answer = parts.expected_step(others, items) if expected else parts.step(others, items, noise)
        felt: tuple[tuple[Any, Any], ...] = tuple(zip((*users, *response), (*others, *answer), strict=True))
        for one, other in felt:
            np.testing.assert_allclose(one, other, atol=1e-5)
