"""Tests that may be looked at after every user."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.experiments.sequential import LEAST_USERS, LEVEL, mixing, watch

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

LAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(0, 3, n),
    "skewed": lambda rng, n: rng.exponential(2, n) - 2,
    "rare clicks": lambda rng, n: (rng.random(n) < 0.1).astype(float) - (rng.random(n) < 0.1),
    "mostly equal": lambda rng, n: rng.integers(-2, 3, n) * (rng.random(n) < 0.2).astype(float),
}


def test_the_last_look_by_hand() -> None:
    # 40 users, half with a difference of 1 and half of 3: mean 2, variance 1
    differences = np.tile([1.0, 3.0], 20)
    m = 40 / (2 * math.log(20) + math.log(1 + 2 * math.log(20)))
    c = (40 + m) * math.log((40 + m) / (m * 0.0025))
    width = math.sqrt(c / (40**2 - c))
    decision = watch(differences)
    assert mixing(40, 0.05) == pytest.approx(m)
    assert decision.watched.difference[-1] == pytest.approx(2)
    assert decision.watched.low[-1] == pytest.approx(2 - width)
    assert decision.watched.high[-1] == pytest.approx(2 + width)
    evidence = math.sqrt(m / (40 + m)) * math.exp(40 * 80**2 / (2 * (40 + m) * 200))
    assert decision.watched.p_value[-1] == pytest.approx(1 / evidence)
    assert decision.stopped_at == LEAST_USERS


@pytest.mark.parametrize("law", LAWS)
def test_of_500_tests_of_a_policy_against_itself_at_most_one_in_twenty_ever_decides(law: str) -> None:
    rng = np.random.default_rng(0)
    decided = [watch(LAWS[law](rng, 400)).stopped_at is not None for _ in range(500)]
    assert np.mean(decided) <= LEVEL


def test_a_fixed_test_that_is_looked_at_after_every_user_errs_far_more_often() -> None:
    rng, users = np.random.default_rng(0), np.arange(1, 401)
    differences = rng.normal(0, 3, (500, 400))
    z = np.abs(differences.cumsum(axis=1)) / (3 * np.sqrt(users))
    assert (z[:, LEAST_USERS:] > 1.96).any(axis=1).mean() > 0.2


@pytest.mark.parametrize("law", LAWS)
def test_the_true_difference_lies_in_all_intervals_at_once_19_times_of_20(law: str) -> None:
    rng = np.random.default_rng(1)
    looks = [watch(0.5 + LAWS[law](rng, 400)).watched for _ in range(2000)]
    assert np.mean([((one.low <= 0.5) & (one.high >= 0.5)).all() for one in looks]) >= 1 - LEVEL


def test_a_real_difference_is_found_before_all_users_have_come() -> None:
    rng = np.random.default_rng(2)
    stops = [watch(rng.normal(1, 3, 400)).stopped_at for _ in range(100)]
    found = [stop for stop in stops if stop is not None]
    assert len(found) >= 95
    assert np.median(found) < 200


def test_the_test_decides_exactly_when_the_interval_leaves_zero() -> None:
    watched = watch(np.random.default_rng(3).normal(0.6, 3, 400)).watched
    outside = (watched.low > 0) | (watched.high < 0)
    assert watch(np.random.default_rng(3).normal(0.6, 3, 400)).stopped_at == int(outside.argmax()) + 1


def test_two_policies_that_do_the_very_same_are_never_told_apart() -> None:
    decision = watch(np.zeros(50))
    assert decision.stopped_at is None
    assert (decision.watched.p_value == 1).all()


@pytest.mark.parametrize("differences", [np.zeros(LEAST_USERS - 1), np.full(50, np.nan)])
def test_too_few_users_and_what_is_no_number_are_refused(differences: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="give 30 or more, all finite"):
        watch(differences)
