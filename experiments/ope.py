"""Off-policy evaluation: what a policy would have reached, from the log of another one.

A log holds n sessions of at most `steps` recommendations; a logged decision of a contextual bandit is a session of one
step, and every estimator below is then the usual one for bandits. With rho_t = pi(a_t | s_t) / p_t, the chance that the
target policy gives the logged item over its propensity, w_t = rho_0 * ... * rho_t and w_-1 = 1:

    IPS        mean over sessions of  sum_t w_t r_t                          (per decision; Precup et al., 2000)
    SNIPS      sum_t (sum over sessions of w_t r_t) / (sum over sessions of w_t)          (self-normalised: weighted)
    DM         mean over sessions of  V(s_0)
    DR         mean over sessions of  V(s_0) + sum_t w_t (r_t + V(s_t+1) - Q(s_t, a_t))       (Jiang and Li, 2016)
    Switch-DR  DR whose sum leaves out every step from the first w_t above a threshold on     (Wang et al., 2017)

where Q is a model of the return that the target policy reaches after an item and V(s) = sum_a pi(a | s) Q(s, a), 0
after a session's end. IPS and DR are unbiased where the propensities are true and positive wherever pi is; SNIPS is
consistent; DM is as good as its model.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.errors import UsageError
from recloop.experiments.statistics import Estimate, estimate

Values = NDArray[np.float64]

LEAST_ESS = 100
LEAST_SHARE = 0.01
"""Below this effective sample size, or this share of the sessions, nothing is estimated."""

SWITCH = 10.0
"""Weights above it are clipped in the report, and left to the model by Switch-DR."""

_RESAMPLES = 1000
_ROWS = 100  # resamples in memory at once


class Evidence(NamedTuple):
    """What the estimators need of a log and of the target policy; each [sessions, steps], 0 after a session's end."""

    rewards: Values
    ratios: Values  # rho: pi(a|s) / propensity; 1 after a session's end
    of_action: Values  # Q(s, a) of the logged item
    of_state: Values  # V(s)


class Weights(NamedTuple):
    """How much of the log speaks of the target policy, from the weight of each whole session."""

    sessions: int
    effective: float  # (sum w)^2 / sum w^2
    largest: float
    above: float  # share of the sessions whose weight exceeds the threshold at some step


class Figures(NamedTuple):
    """Every estimate with its 95 % bootstrap interval over sessions, and the weights that they stand on."""

    estimates: dict[str, Estimate]
    weights: Weights


def evaluate(
    evidence: Evidence, rng: np.random.Generator, switch: float = SWITCH, groups: NDArray[np.int64] | None = None
) -> Figures:
    """All five estimates of the target policy's mean return a session.

    Sessions that belong together by their number in `groups` [sessions], 0, 1, ..., are resampled together: decisions
    of one user, for instance, that are evaluated one by one.

    Raises:
        UsageError: the effective sample size is too small to say anything.
    """
    weights = weigh(evidence, switch)
    refuse_thin(weights)
    return Figures(_estimates(_sums(evidence, switch), rng, groups), weights)


def weigh(evidence: Evidence, switch: float = SWITCH) -> Weights:
    """The weights of the sessions."""
    along = np.cumprod(evidence.ratios, axis=1)  # [sessions, steps]
    whole = along[:, -1]
    squares = float((whole**2).sum())
    effective = float(whole.sum() ** 2 / squares) if squares else 0.0
    return Weights(len(whole), effective, float(along.max()), float((along > switch).any(axis=1).mean()))


def refuse_thin(weights: Weights) -> None:
    """Say nothing where the log says next to nothing.

    Raises:
        UsageError: the effective sample size is below 100, or below 1 % of the sessions.
    """
    if weights.effective < max(LEAST_ESS, LEAST_SHARE * weights.sessions):
        raise UsageError(
            f"refused: ESS {weights.effective:,.0f} of {weights.sessions:,}, at least {LEAST_ESS} and "
            f"{LEAST_SHARE:.0%} needed; log more sessions, shorter ones, or a policy closer to this one"
        )


def _sums(evidence: Evidence, switch: float) -> dict[str, tuple[Values, Values]]:
    """Parts and shares of each estimate, both [sessions, k]: it is sum_k (sum of parts) / (sum of shares)."""
    rewards, ratios, of_action, of_state = evidence
    along: Values = np.cumprod(ratios, axis=1, dtype=np.float64)  # [sessions, steps] w_t
    ones = np.ones((len(rewards), 1))
    after = np.concatenate([of_state[:, 1:], 0 * ones], axis=1)  # V(s_t+1)
    surprise = along * (rewards + after - of_action)
    kept = np.logical_and.accumulate(along <= switch, axis=1)
    model = of_state[:, :1]
    return {
        "IPS": ((along * rewards).sum(axis=1, keepdims=True), ones),
        "SNIPS": (along * rewards, along),
        "DM": (model, ones),
        "DR": (model + surprise.sum(axis=1, keepdims=True), ones),
        "Switch-DR": (model + (surprise * kept).sum(axis=1, keepdims=True), ones),
    }


def _estimates(
    sums: Mapping[str, tuple[Values, Values]], rng: np.random.Generator, groups: NDArray[np.int64] | None
) -> dict[str, Estimate]:
    """Each estimate, and the percentiles of those from sessions drawn with replacement, the same ones for all."""
    columns = np.concatenate([part for pair in sums.values() for part in pair], axis=1)  # [sessions, all k]
    if groups is not None:
        columns = np.stack([np.bincount(groups, column) for column in columns.T], axis=1)
    n = len(columns)
    draws = (rng.multinomial(n, np.full(n, 1 / n), _ROWS).astype(float) for _ in range(_RESAMPLES // _ROWS))
    totals = [columns.sum(axis=0, keepdims=True), *(counts @ columns for counts in draws)]
    ends = np.cumsum([part.shape[1] for pair in sums.values() for part in pair])[:-1]
    parts = iter(np.split(np.concatenate(totals), ends, axis=1))  # [1 + resamples, k] each
    return {name: estimate(_ratio(next(parts), next(parts))) for name in sums}


def _ratio(parts: Values, shares: Values) -> Values:
    """sum_k parts / shares, [resamples]; a step that no weight reaches counts 0."""
    divided: Values = np.divide(parts, shares, out=np.zeros_like(parts), where=shares > 0).sum(axis=1)
    return divided
