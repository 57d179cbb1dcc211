"""Who comes, and how a batch of them is handled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.envs.users import Population, replace_rows

TASTES = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 0]], np.float32)


def test_a_visit_begins_with_the_logged_taste_and_a_noise_of_its_own() -> None:
    population = Population(TASTES, np.array([0, 1]), spread=2**0.5)  # spread / sqrt(dim) = 1
    users = population.arrive(np.array([1]), np.array([[1, 0]], np.float32))
    np.testing.assert_allclose(users.taste, [[0.5**0.5, 0.5**0.5]], rtol=1e-6)
    np.testing.assert_array_equal(users.profile, users.taste)
    assert (users.patience[0], users.clock[0], users.exposure.tolist()) == (1, 0, [[0, 0]])


@given(st.integers(1, 50), st.integers(0, 1000))
def test_only_members_come(n: int, seed: int) -> None:
    picked = Population(TASTES, np.array([0, 2])).pick(n, np.random.default_rng(seed))
    assert len(picked) == n
    assert set(picked.tolist()) <= {0, 2}


@given(st.integers(4, 60), st.floats(0.2, 0.8), st.integers(0, 100))
def test_a_split_is_disjoint_and_loses_nobody(num_users: int, held_out: float, seed: int) -> None:
    population = Population(np.ones((num_users, 2), np.float32), np.arange(num_users))
    train, test = (part.members.tolist() for part in population.split(held_out, seed))
    assert len(test) == round(held_out * num_users)
    assert sorted(train + test) == list(range(num_users))


def test_another_seed_holds_out_others() -> None:
    population = Population(np.ones((100, 2), np.float32), np.arange(100))
    first, twin, other = (population.split(0.2, seed)[1].members.tolist() for seed in (0, 0, 1))
    assert first == twin != other


def test_rows_are_replaced_and_others_kept() -> None:
    population = Population(TASTES, np.arange(3), spread=0.0)
    here = population.arrive(np.array([0, 1]), np.zeros((2, 2), np.float32))
    fresh = population.arrive(np.array([2]), np.zeros((1, 2), np.float32))
    replace_rows(here, np.array([1]), fresh)
    assert here.who.tolist() == [0, 2]
    np.testing.assert_array_equal(here.taste, [TASTES[0], TASTES[2]])


def test_a_population_without_members_is_refused() -> None:
    with pytest.raises(ValueError, match="no members"):
        Population(TASTES, np.array([], np.int64))


def test_a_member_without_a_taste_is_refused_by_number() -> None:
    with pytest.raises(ValueError, match="user 3 has no taste"):
        Population(TASTES, np.array([0, 3]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_member_whose_taste_is_not_finite_is_refused_by_number(value: float) -> None:
    with pytest.raises(ValueError, match="user 1 has no taste"):
        Population(np.where([[0], [1], [0], [0]], np.float32(value), TASTES), np.array([0, 1]))


def test_a_negative_spread_is_refused() -> None:
    with pytest.raises(ValueError, match=r"spread is -0\.1"):
        Population(TASTES, np.array([0]), spread=-0.1)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_split_that_leaves_one_side_empty_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Population(TASTES, np.array([0, 1])).split(share, 0)
