"""A/B tests that may be looked at after every user and stopped when they have decided.

With d_1, d_2, ... the differences of two policies on the same users with the same luck, S_n and Q_n the sums of them
and of their squares, the mixture sequential probability ratio test of Robbins (1970) and Johari et al. (2022), with the
variance taken about the hypothesis (self-normalised; de la Pena, 1999), gives

    evidence    L_n = sqrt(m / (n + m)) * exp(n S_n^2 / (2 (n + m) Q_n))
    p-value     p_n = min over k <= n of 1 / L_k
    interval    S_n / n  +-  s_n sqrt(c / (n^2 - c)),     c = (n + m) log((n + m) / (m level^2))

where s_n is the standard deviation so far: the differences that L_n, with d - difference for d, does not refute. The
chance that p_n ever falls below `level` when the policies are alike, or that one of the intervals misses the true
difference, is at most `level`, however often one looks; a fixed test that is looked at after every user errs several
times as often. With estimated variances that holds asymptotically (Waudby-Smith et al., 2024), so that the first
`LEAST_USERS` users only count. m makes the interval tightest at the number of users planned (Howard et al., 2021).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEVEL = 0.05
LEAST_USERS = 30

_SMALLEST = 1e-30  # variance, of differences that are all equal


class Watched(NamedTuple):
    """What was known after each user, [n] each."""

    difference: Values  # mean so far
    low: Values  # 95 % confidence sequence
    high: Values
    p_value: Values  # always valid: never grows


class Decision(NamedTuple):
    """How the test ended."""

    stopped_at: int | None  # users after which it could have stopped; None if it never could
    watched: Watched


def watch(differences: Values, level: float = LEVEL) -> Decision:
    """Look after every user at the `differences` [n] of two policies on the same users, in the order of arrival.

    Raises:
        ValueError: fewer users than `LEAST_USERS`, or a difference that is no number.
    """
    if len(differences) < LEAST_USERS or not np.isfinite(differences).all():
        raise ValueError(f"{len(differences)} differences; give {LEAST_USERS} or more, all finite")
    watched = _watch(differences, level)
    decided = watched.p_value <= level
    return Decision(int(decided.argmax()) + 1 if decided.any() else None, watched)


def _watch(differences: Values, level: float) -> Watched:
    users, prior = np.arange(1, len(differences) + 1), mixing(len(differences), level)
    mixed = users + prior  # [n] n + m
    mean, square = differences.cumsum() / users, (differences**2).cumsum() / users
    share = np.divide(mean**2, square, out=np.zeros(len(users)), where=square > 0)  # S^2 / (n Q), at most 1
    log_evidence = np.log(prior / mixed) / 2 + users**2 * share / (2 * mixed)
    reach = mixed * np.log(mixed / (prior * level**2))  # [n] c
    wide = np.divide(reach, users**2 - reach, out=np.full(len(users), np.inf), where=users**2 > reach)
    width = np.sqrt(np.maximum(square - mean**2, _SMALLEST) * wide)
    log_evidence[: LEAST_USERS - 1], width[: LEAST_USERS - 1] = 0, np.inf
    p_value = np.exp(-np.maximum.accumulate(np.maximum(log_evidence, 0)))
    return Watched(mean, mean - width, mean + width, p_value)


def mixing(planned: int, level: float) -> float:
    """m, for which the interval is about as tight as it can be after `planned` users."""
    return planned / (2 * math.log(1 / level) + math.log(1 + 2 * math.log(1 / level)))
