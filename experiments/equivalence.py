"""Whether figures that are not the same bits are the same for all that matters: two one-sided tests (TOST).

Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach for assessing the
equivalence of average bioavailability. Here the burden of proof lies with equivalence: few or scattered differences
prove nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.05
"""Probability at most to call equivalent what differs by the margin."""


class Equivalence(NamedTuple):
    """What two one-sided t-tests say of paired differences."""

    mean: float  # of the differences
    low: float  # and the 90 % interval of that mean: inside the margin exactly when both tests reject
    high: float
    margin: float
    p: float  # the larger of the two tests'
    n: int  # differences

    @property
    def holds(self) -> bool:
        """Whether the mean difference is shown to be smaller than the margin, either way."""
        return self.p < LEVEL


def tost(differences: ArrayLike, margin: float) -> Equivalence:
    """Test whether the mean of paired `differences` [n] lies within -margin and +margin.

    One difference proves nothing (p = 1). Differences that are all the same leave no doubt about their mean.

    Raises:
        ValueError: there is no difference, or the margin is not above 0.
    """
    from scipy.stats import ttest_1samp

    values = np.asarray(differences, np.float64)
    if not len(values) or not margin > 0:
        raise ValueError(f"{len(values)} differences and a margin of {margin}; give at least one, and a margin above 0")
    mean = float(values.mean())
    if np.ptp(values) == 0 or len(values) == 1:
        certain = len(values) > 1 and abs(mean) < margin
        return Equivalence(mean, mean, mean, margin, 0.0 if certain else 1.0, len(values))
    above = ttest_1samp(values, -margin, alternative="greater").pvalue
    below = ttest_1samp(values, margin, alternative="less").pvalue
    interval = ttest_1samp(values, 0.0).confidence_interval(1 - 2 * LEVEL)
    return Equivalence(mean, float(interval.low), float(interval.high), margin, float(max(above, below)), len(values))
