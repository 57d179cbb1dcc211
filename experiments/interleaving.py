"""Interleaving: two rankers fill one slate, and the clicks tell whose items are liked more.

Team draft (Radlinski, Kurup and Joachims, 2008): in every round a coin decides which ranker picks first, and each adds
its best item that is not in the slate yet. Every user judges both rankers at once, so that far fewer users tell them
apart than an A/B test needs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Drafted(NamedTuple):
    """Slates of n users, and which ranker's each item is."""

    items: Ints  # [n, slate]
    teams: Ints  # [n, slate] 0 for the first ranker, 1 for the second


def team_draft(first: Ints, second: Ints, slate: int, rng: np.random.Generator) -> Drafted:
    """Slates of the two `[n, k]` rankings, each best first and without repeats, k >= `slate`.

    Raises:
        ValueError: the rankings are too short for the slate, or of different shape.
    """
    if first.shape != second.shape or first.shape[1] < slate:
        raise ValueError(f"rankings of {first.shape} and {second.shape} for slates of {slate}; rank as many items each")
    n, rankings = len(first), np.stack([first, second])  # [2, n, k]
    rows, picks = np.arange(n), np.zeros((n, slate), np.int64)
    coins = rng.integers(2, size=(n, (slate + 1) // 2))  # who picks first in each round
    teams = np.stack([coins, 1 - coins], axis=2).reshape(n, -1)[:, :slate]
    for place in range(slate):
        ranking = rankings[teams[:, place], rows]  # [n, k]
        taken = (ranking[:, :, None] == picks[:, None, :place]).any(axis=2)  # [n, k]
        picks[:, place] = ranking[rows, (~taken).argmax(axis=1)]
    return Drafted(picks, teams)


def preferences(teams: Ints, clicks: NDArray[np.float32]) -> NDArray[np.float64]:
    """For each user the second ranker's clicks less the first one's, [n], of `clicks` [n, slate]."""
    return np.asarray(np.where(teams == 1, clicks, -clicks).sum(axis=1), np.float64)


def share_of_wins(preferences: NDArray[np.float64]) -> float:
    """The share of users who preferred the second ranker; a tie counts half."""
    return float((np.sign(preferences).mean() + 1) / 2)
