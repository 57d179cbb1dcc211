"""Interquartile means and their intervals: policies are compared on the same users with resampled users and seeds.

Agarwal et al. (2021), Deep Reinforcement Learning at the Edge of the Statistical Precipice, for the interquartile mean
and the stratified bootstrap; the users are a second level here, drawn once for all policies so that differences and
ratios of policies get paired intervals.
"""

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.float64]
"""What each seed reached with each user, [seeds, users]."""

Resampled: TypeAlias = NDArray[np.float64]
"""An estimate and its bootstrap resamples, [1 + resamples], the estimate first; arithmetic keeps them paired."""

Seeds: TypeAlias = NDArray[np.float64]
"""The mean over users that each seed reached, [seeds, 1 + resamples]: in the first column the seeds themselves."""

Name = TypeVar("Name", bound=Hashable)


class Estimate(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def interquartile_mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis of what is left when a quarter (rounded down) is cut at each end."""
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(scores, 0.25, axis=0))


def bootstrap(scores: Mapping[Name, Scores], rng: np.random.Generator, resamples: int = 2000) -> dict[Name, Resampled]:
    """The interquartile mean over seeds of the mean over users, for every policy, with two-level resamples.

    Each resample draws the users once, the same ones for all policies (paired), and the seeds of each policy on their
    own (stratified). A seed with a NaN score failed: it counts as the worst that any policy did with each user, never
    as missing. One seed gives an interval over users only, which says nothing of other seeds.

    Raises ValueError when policies were played on different numbers of users, or when every seed of all failed.
    """
    return {name: interquartile_mean(seeds) for name, seeds in resample(scores, rng, resamples).items()}


def resample(scores: Mapping[Name, Scores], rng: np.random.Generator, resamples: int = 2000) -> dict[Name, Seeds]:
    """The resamples of `bootstrap` before seeds are summed up: what each seed that was drawn reached.

    Raises ValueError as `bootstrap` does.
    """
    filled = _fill_failed(scores)
    users = next(iter(filled.values())).shape[1]
    weights = rng.multinomial(users, np.full(users, 1 / users), size=resamples) / users  # [resamples, users]
    weights = np.vstack([np.full(users, 1 / users), weights])  # [1 + resamples, users], the users themselves first
    return {name: _draw_seeds(matrix @ weights.T, rng) for name, matrix in filled.items()}


def _fill_failed(scores: Mapping[Name, Scores]) -> dict[Name, Scores]:
    sizes = {name: matrix.shape[1] for name, matrix in scores.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"policies were played on different numbers of users, {sizes}: play all on the same users")
    seeds = np.concatenate(list(scores.values()))  # [all seeds, users]
    failed = np.isnan(seeds).any(axis=1)  # [all seeds]
    if failed.all():
        raise ValueError("every seed of every policy has NaN scores: there is nothing to compare")
    worst = seeds[~failed].min(axis=0)  # [users]
    return {
        name: np.where(np.isnan(matrix).any(axis=1, keepdims=True), worst, matrix) for name, matrix in scores.items()
    }


def _draw_seeds(means: NDArray[np.float64], rng: np.random.Generator) -> Seeds:
    seeds, columns = means.shape  # the mean over users of every seed, [seeds, 1 + resamples]
    drawn = rng.integers(seeds, size=(seeds, columns))
    drawn[:, 0] = np.arange(seeds)  # the first column is the estimate: every seed once
    return np.take_along_axis(means, drawn, axis=0)


def estimate(resampled: Resampled) -> Estimate:
    """The estimate with the 2.5th and 97.5th percentile of its resamples."""
    low, high = np.percentile(resampled[1:], [2.5, 97.5])
    return Estimate(float(resampled[0]), float(low), float(high))


def band(curves: NDArray[np.float64], rng: np.random.Generator) -> tuple[Scores, Scores, Scores]:
    """The interquartile mean over seeds at each point of a curve and its 95 % interval over seeds, each [k].

    `curves` is [seeds, k]; a seed is drawn as a whole curve.
    """
    seeds = len(curves)
    drawn = curves[rng.integers(seeds, size=(seeds, 1000))]  # [seeds, resamples, k]
    low, high = np.percentile(interquartile_mean(drawn), [2.5, 97.5], axis=0)
    return interquartile_mean(curves), low, high


def probability_of_improvement(ours: Seeds, theirs: Seeds) -> Resampled:
    """How probable it is that a random seed of ours reaches more than a random one of theirs; equal counts half.

    P = mean over pairs of 1[x > y] + 1/2 1[x = y]: 1/2 for the same agent, 1 when every seed of ours is better.
    """
    pairs = np.sign(ours[:, None] - theirs[None])  # [our seeds, their seeds, 1 + resamples]
    return np.asarray((pairs.mean(axis=(0, 1)) + 1) / 2)


def optimality_gap(seeds: NDArray[np.float64], best: float) -> float:
    """What the seeds miss of the best that is known, mean over seeds of max(0, best - x).

    A seed that reaches more than the best does not make up for one that reaches less.
    """
    return float(best - np.minimum(seeds, best).mean())


def performance_profile(
    scores: Scores, levels: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The share of users, over all seeds, with whom more than each level was reached, and its 95 % interval, each [k].

    `scores` is [seeds, users] and `levels` [k]; a seed is drawn with all its users.
    """
    shares = (scores[:, :, None] > levels).mean(axis=1)  # [seeds, k]
    drawn = shares[rng.integers(len(shares), size=(1000, len(shares)))].mean(axis=1)  # [resamples, k]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return shares.mean(axis=0), low, high
