"""Two one-sided tests, against figures worked out by hand with the tables of Student's t."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.experiments.equivalence import tost

APART = [-1.0, 0.0, 1.0, 2.0]
"""Mean 1/2; deviations -3/2, -1/2, 1/2, 3/2: variance 5/3, standard error sqrt(5/3 / 4) = 0.6455, 3 degrees."""


def test_the_interval_is_the_mean_and_2_353_standard_errors_either_way() -> None:
    found = tost(APART, 2.0)
    assert (found.mean, found.n, found.margin) == (0.5, 4, 2.0)
    assert (found.low, found.high) == pytest.approx((0.5 - 2.3534 * 0.6455, 0.5 + 2.3534 * 0.6455), abs=1e-3)


def test_a_margin_just_inside_the_interval_is_not_shown_and_one_just_outside_is() -> None:
    bound = 0.5 + 2.3534 * 0.6455  # t(0.95, 3 degrees) = 2.3534
    assert not tost(APART, bound - 0.01).holds
    assert tost(APART, bound + 0.01).holds


def test_p_is_the_larger_of_both_tests() -> None:
    # (2 - 1/2) / 0.6455 = 2.3238; with 3 degrees the upper tail beyond it is 0.0514
    assert tost(APART, 2.0).p == pytest.approx(0.0514, abs=5e-4)
    assert tost([-one for one in APART], 2.0).p == pytest.approx(tost(APART, 2.0).p)


def test_differences_that_are_all_the_same_leave_no_doubt() -> None:
    assert tost([0.1] * 5, 0.2).holds
    assert not tost([0.2] * 5, 0.2).holds
    assert not tost([-0.3] * 5, 0.2).holds


def test_one_difference_proves_nothing() -> None:
    assert not tost([0.0], 1.0).holds


@pytest.mark.parametrize(("apart", "margin"), [([], 1.0), ([0.0, 1.0], 0.0), ([0.0, 1.0], float("nan"))])
def test_what_cannot_be_tested_is_refused(apart: list[float], margin: float) -> None:
    with pytest.raises(ValueError, match="give at least one, and a margin above 0"):
        tost(apart, margin)


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=30).map(sorted), st.floats(0.1, 100))
def test_it_holds_exactly_when_the_interval_lies_within_the_margin(apart: list[int], margin: float) -> None:
    found = tost(apart, margin)
    inside = -margin < found.low and found.high < margin
    assert found.holds == inside or min(abs(found.low + margin), abs(found.high - margin)) < 1e-9
