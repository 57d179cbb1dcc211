"""Which differences between the policies of an experiment are real, in sentences."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.errors import UsageError
from recloop.experiments.planning_gap import interval
from recloop.experiments.sessions import Played
from recloop.experiments.significance import EQUIVALENT, LEVEL, PValues, compare_seeds, holm, seeds_needed
from recloop.experiments.statistics import Estimate, Seeds, estimate, interquartile_mean, resample
from recloop.experiments.table import scores

Pair = tuple[str, str]
"""Two policies by their names in the table: what is claimed of the first is said against the second."""


class Contrast(NamedTuple):
    """One policy held against another on the same users with the same luck."""

    ours: str
    theirs: str
    where: str  # " in the world of NAME", or nothing
    lead: Estimate  # clicks a session more; the interval over users and seeds
    means: tuple[NDArray[np.float64], NDArray[np.float64]]  # what each seed reached, [seeds] each

    @property
    def p_values(self) -> PValues | None:
        """Of Welch's tests on the seeds, uncorrected; None with fewer than two seeds in a group."""
        ours, theirs = self.means
        return compare_seeds(ours, theirs, EQUIVALENT * abs(float(theirs.mean())))

    def sentence(self, corrected: PValues | None) -> str:
        """What may be said, from the p-values corrected for the number of contrasts."""
        lead = f"{interval(self.lead, '+z.1f')} clicks a session"
        if corrected is None:
            return f"{self.ours} against {self.theirs}{self.where}: {lead}; one seed tells nothing of others."
        if corrected.apart < LEVEL:
            return f"{self.ours} does as {self.theirs}{self.where}, within {EQUIVALENT:.0%}: {lead}."
        p_value = f"p = {corrected.different:.2g}"
        if corrected.different >= LEVEL:
            needed = seeds_needed(*self.means)
            more = f"about {needed} seeds each would tell" if needed else "too alike to tell"
            return f"{self.ours} is not told apart from {self.theirs}{self.where}: {lead} ({p_value}); {more}."
        if self.means[0].mean() > self.means[1].mean():
            return f"{self.ours} beats {self.theirs}{self.where} by {lead} ({p_value})."
        return f"{self.ours} does worse than {self.theirs}{self.where}: {lead} ({p_value})."


def check_pairs(pairs: Sequence[Sequence[str]], policies: Sequence[str]) -> list[Pair]:
    """The pairs, of which every name is one of `policies`.

    Raises:
        UsageError: one is not, or a pair is no pair of two.
    """
    for index, pair in enumerate(pairs):
        if len(pair) != 2 or pair[0] == pair[1] or not set(pair) <= set(policies):
            known = ", ".join(policies)
            raise UsageError(f"suite.contrasts[{index}] is {list(pair)}; give two policies of the suite, of {known}")
    return [(ours, theirs) for ours, theirs in pairs]


def conclusions(worlds: Mapping[str, Sequence[Played]], pairs: Sequence[Pair]) -> list[str]:
    """A sentence for each pair in each world, with a line that says what they rest on.

    Args:
        worlds: what was played in each, by name; an experiment of one world has no name for it.
        pairs: policies that are held against each other; failed seeds count as the worst.
    """
    found = [contrast for name, played in worlds.items() for contrast in _contrasts(name, played, pairs)]
    tests = [contrast.p_values for contrast in found]
    made = [test for test in tests if test is not None]
    corrected = iter([PValues(*both) for both in zip(*map(holm, zip(*made, strict=True)), strict=True)])
    rests = (
        f"{len(found)} contrasts: intervals over users and seeds, each for itself; p-values over seeds (Welch), "
        f"corrected for all {len(found)} (Holm), at the {LEVEL:.0%} level."
    )
    return [rests, *(one.sentence(next(corrected) if test else None) for one, test in zip(found, tests, strict=True))]


def _contrasts(world: str, played: Sequence[Played], pairs: Sequence[Pair]) -> list[Contrast]:
    trained = {one.policy: one.key for one in played if one.trained}
    seeds = resample(scores(played), np.random.default_rng(0))
    where = f" in the world of {world}" if world else ""
    return [_contrast(pair, where, seeds[trained[pair[0]]], seeds[trained[pair[1]]]) for pair in pairs]


def _contrast(pair: Pair, where: str, ours: Seeds, theirs: Seeds) -> Contrast:
    lead = estimate(interquartile_mean(ours) - interquartile_mean(theirs))
    return Contrast(*pair, where, lead, (ours[:, 0], theirs[:, 0]))
