"""What may be said of two groups of training seeds: superior, equivalent or inconclusive, by rule."""

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
EQUIVALENT = 0.02
"""Groups are equivalent within this share of what the other one reached."""

_MOST_SEEDS = 1000

Means = NDArray[np.float64]
"""What each seed of a group reached, [seeds]."""


class PValues(NamedTuple):
    """Of Welch's tests on the seeds of two groups."""

    different: float  # that the means are equal
    apart: float  # that they are further apart than the margin: the larger one of two one-sided tests (TOST)


def compare_seeds(ours: Means, theirs: Means, margin: float) -> PValues | None:
    """Welch's t-test of a difference, and two one-sided ones (TOST) of its absence within a margin.

    None with fewer than two seeds in a group, which tell nothing of others.
    """
    from scipy.stats import ttest_ind

    if min(len(ours), len(theirs)) < 2:
        return None
    gap = float(ours.mean() - theirs.mean())
    if np.ptp(ours) == np.ptp(theirs) == 0:  # no spread to hold the difference against
        return PValues(float(gap == 0), float(abs(gap) >= margin))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # one group has no spread, which is fine
        different = ttest_ind(ours, theirs, equal_var=False).pvalue
        above = ttest_ind(ours + margin, theirs, equal_var=False, alternative="greater").pvalue
        below = ttest_ind(ours - margin, theirs, equal_var=False, alternative="less").pvalue
    return PValues(float(different), float(max(above, below)))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several comparisons, corrected for their number (Holm, 1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    return [float(p) for p in corrected]


def seeds_needed(ours: Means, theirs: Means) -> int | None:
    """Seeds a group with which a difference as large as this one is found 4 times in 5; None for more than 1000.

    n = 2 (z_0.975 + z_0.8)^2 s^2 / d^2, with the pooled variance s^2 of the seeds and their difference d; at least one
    more than there are.
    """
    from scipy.stats import norm

    gap = float(ours.mean() - theirs.mean())
    variance = (ours.var(ddof=1) + theirs.var(ddof=1)) / 2
    if gap == 0:
        return None
    needed = 2 * (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * variance / gap**2
    return None if needed > _MOST_SEEDS else max(min(len(ours), len(theirs)) + 1, math.ceil(needed))


def verdict(ours: Means, theirs: Means, p_values: PValues) -> str:
    """What is said of ours, from the p-values of `compare_seeds`, corrected for the number of comparisons."""
    if p_values.apart < LEVEL:
        return f"equivalent, within {EQUIVALENT:.0%}"
    if p_values.different < LEVEL:
        return "superior" if ours.mean() > theirs.mean() else "inferior"
    needed = seeds_needed(ours, theirs)
    return f"inconclusive; about {needed} seeds each would tell" if needed else "inconclusive; too alike to tell"
