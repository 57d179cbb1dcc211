"""Figures against formulas written down a second time, from the definitions of those who proposed them.

rliable (Agarwal et al., 2021) cannot be installed beside this stack, so its formulas stand here in plain loops:
interquartile mean, percentile bootstrap stratified by algorithm, probability of improvement, optimality gap.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from recloop.experiments import metrics
from recloop.experiments.sessions import Sessions
from recloop.experiments.statistics import (
    bootstrap,
    estimate,
    interquartile_mean,
    optimality_gap,
    probability_of_improvement,
)

Matrix = NDArray[np.float64]
TINY = 1e-9


@pytest.fixture(params=range(100))
def matrix(request: pytest.FixtureRequest) -> Matrix:
    """Scores of 1 to 12 seeds with 1 to 8 users; whole numbers, every third time, so that many tie."""
    rng = np.random.default_rng(request.param)
    scores = rng.normal(10, 3, (rng.integers(1, 13), rng.integers(1, 9)))
    return np.round(scores) if request.param % 3 == 0 else scores


def trimmed(values: list[float]) -> float:
    """The mean of what is left when a quarter, rounded down, is cut at each end."""
    cut = len(values) // 4
    kept = sorted(values)[cut : len(values) - cut]
    return sum(kept) / len(kept)


def quantile(values: list[float], share: float) -> float:
    """By linear interpolation between order statistics, which is rliable's through numpy's percentile."""
    ordered, place = sorted(values), share * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def test_the_interquartile_mean_of_100_matrices(matrix: Matrix) -> None:
    for column, found in zip(matrix.T.tolist(), interquartile_mean(matrix), strict=True):
        assert abs(found - trimmed(column)) < TINY


def test_the_interval_of_100_matrices_from_the_same_draws(matrix: Matrix) -> None:
    resamples, (seeds, users) = 20, matrix.shape
    found = estimate(bootstrap({"PPO": matrix}, np.random.default_rng(1), resamples)["PPO"])
    rng = np.random.default_rng(1)
    met = rng.multinomial(users, np.full(users, 1 / users), size=resamples)  # how often each user is drawn
    drawn = rng.integers(seeds, size=(seeds, 1 + resamples))[:, 1:]
    means = [
        trimmed([sum(met[b, u] * matrix[seed, u] for u in range(users)) / users for seed in drawn[:, b]])
        for b in range(resamples)
    ]
    assert abs(found.value - trimmed(matrix.mean(axis=1).tolist())) < TINY
    assert abs(found.low - quantile(means, 0.025)) < TINY
    assert abs(found.high - quantile(means, 0.975)) < TINY


def test_the_probability_of_improvement_is_mann_and_whitneys_statistic_a_pair(matrix: Matrix) -> None:
    ours, theirs = matrix[:, :1], matrix[:, -1:]
    pairs = len(ours) * len(theirs)
    expected = mannwhitneyu(ours[:, 0], theirs[:, 0], alternative="greater", method="asymptotic").statistic / pairs
    assert abs(probability_of_improvement(ours, theirs)[0] - expected) < TINY


def test_the_optimality_gap_is_what_seeds_miss_of_a_level(matrix: Matrix) -> None:
    seeds, level = matrix[:, 0], 10.0
    expected = level - sum(min(value, level) for value in seeds.tolist()) / len(seeds)
    assert abs(optimality_gap(seeds, level) - expected) < TINY


def test_what_was_recommended_in_1000_random_cases_with_ties_and_empty_sessions() -> None:
    rng, apart = np.random.default_rng(0), 0.0
    for _ in range(1000):
        sessions, vectors, popularity = _case(rng)
        expected = _by_loops(sessions, vectors, popularity)
        num_items = len(vectors)
        found = [
            metrics.session_length(sessions),
            metrics.distinct_items(sessions, num_items),
            metrics.repeats(sessions, num_items),
            metrics.diversity(sessions, vectors),
            metrics.coverage(sessions, num_items),
            metrics.effective_items(sessions, num_items),
            metrics.gini(sessions, num_items),
            metrics.popularity(sessions, popularity),
            metrics.novelty(sessions, popularity),
            metrics.clicks_per_session(sessions),
        ]
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        apart = max(apart, float(np.nanmax(np.abs(np.subtract(found, expected)))))
    assert apart < TINY


def _case(rng: np.random.Generator) -> tuple[Sessions, Matrix, NDArray[Any]]:
    """A few sessions of slates, some of which end before they begin, over a few items, some never logged."""
    n, steps, slate, num_items = (int(rng.integers(1, most)) for most in (6, 6, 4, 9))
    items = rng.integers(num_items, size=(n, steps, slate))
    items[np.arange(steps) >= rng.integers(steps + 1, size=n)[:, None]] = -1
    clicks = ((rng.random(items.shape) < 0.4) & (items >= 0)).reshape(n, -1).astype(np.float32)
    users, rewards = rng.integers(3, size=n).astype(np.int32), np.zeros((n, steps), np.float32)
    vectors = rng.integers(-1, 2, size=(num_items, 2)).astype(np.float64)
    return (
        Sessions(users, items.reshape(n, -1).astype(np.int32), clicks, rewards),
        vectors,
        rng.integers(3, size=num_items),
    )


def _by_loops(sessions: Sessions, vectors: Matrix, popularity: NDArray[Any]) -> list[float]:
    num_items, steps = len(vectors), sessions.rewards.shape[1]
    rows = [[item for item in row if item >= 0] for row in sessions.items.tolist()]
    every = Counter(item for row in rows for item in row)
    total, n = sum(every.values()), len(rows)
    slate = sessions.items.shape[1] // steps
    units = [vector / (np.linalg.norm(vector) or 1) for vector in vectors]
    apart = [
        np.mean([1 - units[row[a]] @ units[row[b]] for a in range(len(row)) for b in range(a)])
        for row in rows
        if len(row) > 1
    ]
    exposure = [every[item] for item in range(num_items)]
    differences = sum(abs(a - b) for a in exposure for b in exposure)
    logged = popularity.tolist()
    least = min((count for count in logged if count), default=1)
    shares = [count or least for count in logged]
    below = [sum(other < count for other in logged) + sum(other == count for other in logged) / 2 for count in logged]
    clicks: dict[int, list[float]] = {}
    for user, row in zip(sessions.users.tolist(), sessions.clicks.tolist(), strict=True):
        clicks.setdefault(user, []).append(sum(row))
    return [
        sum(len(row) / slate for row in rows) / n,
        sum(len(set(row)) for row in rows) / n,
        1 - sum(len(set(row)) for row in rows) / max(total, 1),
        float(np.mean(apart)) if apart else math.nan,
        len(every) / num_items,
        math.exp(-sum(count / total * math.log(count / total) for count in every.values())),
        differences / (2 * num_items * max(total, 1)),
        sum(count * below[item] / num_items for item, count in every.items()) / max(total, 1),
        sum(-count * math.log2(shares[item] / sum(shares)) for item, count in every.items()) / max(total, 1),
        sum(sum(of_user) / len(of_user) for of_user in clicks.values()) / len(clicks),
    ]
