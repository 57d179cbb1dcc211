"""What a set of sessions shows, one number each. The report prints the docstrings as its definitions.

Where a step shows a slate of k items, every one of them counts as a recommendation.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.sessions import Floats, Sessions


def clicks_per_user(sessions: Sessions) -> NDArray[np.float64]:
    """Clicks a session of every user, [users], by rising user number; the mean where a user has several sessions."""
    return _per_user(sessions, sessions.clicks)


def clicks_per_session(sessions: Sessions) -> float:
    """Mean over users of the clicks in a session: mean_u mean_s sum_t click[u, s, t]."""
    return float(clicks_per_user(sessions).mean())


def session_return(sessions: Sessions) -> float:
    """Mean over users of the session's undiscounted return: mean_u mean_s sum_t reward[u, s, t]."""
    return float(returns_per_user(sessions).mean())


def returns_per_user(sessions: Sessions) -> NDArray[np.float64]:
    """Undiscounted return a session of every user, [users], by rising user number; the mean over their sessions."""
    return _per_user(sessions, sessions.rewards)


def session_length(sessions: Sessions) -> float:
    """Mean number of steps until the user leaves or the session's last step comes; a slate of items is one step."""
    n, steps = sessions.rewards.shape
    slates = sessions.items.reshape(n, steps, -1)  # [sessions, steps, slate]
    return float((slates >= 0).any(axis=2).sum(axis=1).mean())


def coverage(sessions: Sessions, num_items: int) -> float:
    """Share of the catalog that was recommended at least once: |set of items recommended| / num_items."""
    return np.count_nonzero(_exposure(sessions, num_items)) / num_items


def diversity(sessions: Sessions, vectors: NDArray[np.floating]) -> float:
    """Mean over sessions of the mean of 1 - cosine(i, j) over pairs of recommendations; 0 = one item, again and again.

    With unit vectors v_1 ... v_k and their sum S, the mean cosine of a pair is (|S|^2 - sum_i |v_i|^2) / (k (k - 1)).
    Sessions of fewer than two recommendations have no pair and do not count; NaN when no session has one.
    """
    shown, places = np.unique(sessions.items, return_inverse=True)  # [items], places among them
    absent = int((shown < 0).sum())  # -1 stands first
    units = _units(vectors[shown[absent:]])  # [items, dim]
    compact = sessions._replace(items=(places.reshape(sessions.items.shape) - absent).astype(np.int32))
    counts = _counts(compact, len(units))  # [sessions, items]
    sums = counts @ units  # [sessions, dim]
    squares = counts @ np.square(units).sum(axis=1)  # [sessions]
    pairs = _recommended(sessions) * (_recommended(sessions) - 1.0)  # [sessions]
    some = pairs > 0
    if not some.any():
        return float("nan")
    return float(1 - ((np.square(sums).sum(axis=1) - squares)[some] / pairs[some]).mean())


def narrowing(sessions: Sessions, vectors: NDArray[np.floating]) -> float:
    """How much less alike what is recommended is in the first half of a session than in the second: a filter bubble.

    Diversity of the first halves less that of the second ones, above 0 where recommendations close in.
    """
    step = np.arange(sessions.items.shape[1])
    halfway = _recommended(sessions)[:, None] / 2  # [sessions, 1]
    first, second = (
        diversity(sessions._replace(items=np.where(half, sessions.items, -1)), vectors)
        for half in (step < halfway, step >= halfway)
    )
    return first - second


def distinct_items(sessions: Sessions, num_items: int) -> float:
    """Mean number of different items in a session."""
    return float(_distinct(sessions, num_items).mean())


def repeats(sessions: Sessions, num_items: int) -> float:
    """Share of recommendations whose item was already recommended in the same session: 1 - distinct / all."""
    return float(1 - _distinct(sessions, num_items).sum() / max(_recommended(sessions).sum(), 1))


def gini(sessions: Sessions, num_items: int) -> float:
    """Inequality of exposure: sum_i (2 i - n - 1) x_i / (n sum_i x_i), x sorted upwards over the catalog's n items.

    0 = every item equally often, 1 - 1/n = one item only.
    """
    exposure = np.sort(_exposure(sessions, num_items))  # [num_items]
    ranks = 2.0 * np.arange(1, num_items + 1) - num_items - 1
    return float(ranks @ exposure / (num_items * max(exposure.sum(), 1)))


def effective_items(sessions: Sessions, num_items: int) -> float:
    """How many items, shown equally often, would be as varied as all that was recommended: exp(-sum_i p_i log p_i).

    p_i is the item's share of all recommendations; 1 = one item only, num_items = each equally often. Hill's number of
    order 1 (1973): unlike coverage, it does not grow by what is hardly ever shown.
    """
    exposure = _exposure(sessions, num_items)
    shares = exposure[exposure > 0] / max(exposure.sum(), 1)
    return float(np.exp(-(shares @ np.log(shares))))


def novelty(sessions: Sessions, popularity: NDArray[Any]) -> float:
    """Mean bits of surprise of a recommendation: -log2 of the item's share of the logged interactions.

    `popularity` [num_items] is that share, or their number. An item without any counts as the least one with some.
    """
    some = popularity[popularity > 0]
    counts = np.where(popularity > 0, popularity, some.min()) if len(some) else np.ones(len(popularity))
    shares = np.asarray(counts / counts.sum(), np.float64)  # [num_items]
    exposure = _exposure(sessions, len(popularity))  # [num_items]
    return float(-(exposure @ np.log2(shares)) / max(exposure.sum(), 1))


def popularity(sessions: Sessions, popularity: NDArray[Any]) -> float:
    """Mean percentile of what was recommended, when the catalog is sorted by logged interactions; 1/2 = at random.

    An item's percentile is the share of the catalog's n items that are less popular, half of those that tie with it
    (itself too) included: from 1 / 2n, the least popular, to 1 - 1 / 2n.
    """
    from scipy.stats import rankdata

    percentiles = (rankdata(popularity) - 0.5) / len(popularity)  # [num_items]
    exposure = _exposure(sessions, len(popularity))  # [num_items]
    return float(exposure @ percentiles / max(exposure.sum(), 1))


def reward_by_step(sessions: Sessions) -> NDArray[np.float64]:
    """Mean reward at each step of the session, [steps]; a session that has ended counts 0."""
    return np.asarray(sessions.rewards.mean(axis=0, dtype=np.float64))


def _per_user(sessions: Sessions, values: Floats) -> NDArray[np.float64]:
    return mean_by_user(sessions.users, values.sum(axis=1, dtype=np.float64))


def mean_by_user(users: NDArray[np.integer], figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the sessions of each user of their `figures` [sessions]; [users], by rising user number."""
    _, row = np.unique(users, return_inverse=True)
    return np.bincount(row, weights=figures) / np.bincount(row)


def _recommended(sessions: Sessions) -> NDArray[np.int64]:
    """Items recommended in each session, repeats and the items of slates counted one by one, [sessions]."""
    return np.asarray((sessions.items >= 0).sum(axis=1))


def _exposure(sessions: Sessions, num_items: int) -> NDArray[np.float64]:
    return np.bincount(sessions.items[sessions.items >= 0], minlength=num_items).astype(np.float64)  # [num_items]


def _distinct(sessions: Sessions, num_items: int) -> NDArray[np.int64]:
    return np.asarray(np.diff(_counts(sessions, num_items).indptr))  # [sessions]


def _counts(sessions: Sessions, num_items: int) -> Any:
    """How often each session recommended each item, sparse [sessions, num_items]."""
    from scipy.sparse import csr_array

    rows, places = np.nonzero(sessions.items >= 0)
    counts = csr_array((np.ones(len(rows)), (rows, sessions.items[rows, places])), (len(sessions.items), num_items))
    counts.sum_duplicates()
    return counts


def _units(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), np.float64)
