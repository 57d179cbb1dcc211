"""By which rule one group of seeds is called better than another."""

import numpy as np
import pytest
from scipy import stats

from recloop.experiments.significance import PValues, compare_seeds, holm, seeds_needed, verdict


def seeds(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, np.float64)


def test_the_difference_is_welchs() -> None:
    # means 2 and 6, variances 1 and 4, three seeds each
    found = compare_seeds(seeds(1, 2, 3), seeds(4, 6, 8), margin=1)
    assert found is not None
    t, degrees = -4 / np.sqrt(5 / 3), (5 / 3) ** 2 / (1 / 18 + 16 / 18)
    assert found.different == pytest.approx(2 * stats.t.cdf(t, degrees))


def test_equivalence_is_the_weaker_of_two_one_sided_tests() -> None:
    # means 0 and 1/2, variances 1 and 1, three seeds each: the upper end of a margin of 2 is nearer, 3/2 away
    found = compare_seeds(seeds(-1, 0, 1), seeds(-0.5, 0.5, 1.5), margin=2)
    assert found is not None
    assert found.apart == pytest.approx(stats.t.sf(1.5 / np.sqrt(2 / 3), 4))


def test_one_seed_cannot_be_tested() -> None:
    assert compare_seeds(seeds(1), seeds(1, 2, 3), margin=1) is None


@pytest.mark.parametrize(("theirs", "expected"), [(3.0, PValues(1, 0)), (3.5, PValues(0, 0)), (5.0, PValues(0, 1))])
def test_seeds_without_any_spread_leave_no_doubt(theirs: float, expected: PValues) -> None:
    assert compare_seeds(seeds(3, 3, 3), seeds(theirs, theirs), margin=1) == expected


def test_holm_multiplies_the_smallest_by_the_number_the_next_by_one_less_and_never_falls() -> None:
    assert holm([0.03, 0.01, 0.04, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.6, 0.7]) == [1, 1]


def test_the_seeds_needed_follow_from_spread_and_difference() -> None:
    # s^2 = 2, d = 1: 2 (1.95996 + 0.84162)^2 2 / 1 = 31.4
    ours, theirs = seeds(1, 3), seeds(0, 2)
    assert seeds_needed(ours, theirs) == 32


def test_no_number_of_seeds_tells_apart_what_is_alike() -> None:
    assert seeds_needed(seeds(1, 3), seeds(0, 4)) is None
    assert seeds_needed(seeds(1, 3), seeds(0, 4.001)) is None


def test_seeds_that_did_not_tell_are_not_enough() -> None:
    assert seeds_needed(seeds(10, 10.1), seeds(0, 0.1)) == 3


@pytest.mark.parametrize(
    ("p_values", "words"),
    [
        (PValues(0.04, 0.9), "superior"),
        (PValues(0.06, 0.9), "inconclusive; about 32 seeds each would tell"),
        (PValues(0.04, 0.04), "equivalent, within 2%"),
    ],
)
def test_the_verdict_goes_by_the_five_percent_level(p_values: PValues, words: str) -> None:
    assert verdict(seeds(1, 3), seeds(0, 2), p_values) == words


def test_the_lower_mean_is_inferior() -> None:
    assert verdict(seeds(0, 2), seeds(1, 3), PValues(0.01, 0.9)) == "inferior"
