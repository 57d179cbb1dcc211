"""How well scores predict what real people liked: the figures, and the three questions that are asked.

A simulator's reward is worth what it says about people. It is asked about ratings that it was not fitted on, which come
later in each user's history than those that it was.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.envs.catalog import Bools, Ints
from recloop.envs.interactions import LIKED, Interactions

Doubles = NDArray[np.float64]

BINS = 15
"""Bins of a calibration curve."""


class Curve(NamedTuple):
    """What was predicted and what came true, one entry a bin, by rising prediction."""

    predicted: Doubles  # [bins] mean chance
    observed: Doubles  # [bins] share of likes
    ratings: Ints  # [bins] how many

    @property
    def error(self) -> float:
        """Expected calibration error: mean |predicted - observed| over ratings (Naeini, Cooper & Hauskrecht, 2015)."""
        return float((self.ratings * np.abs(self.predicted - self.observed)).sum() / self.ratings.sum())


class Figures(NamedTuple):
    """How well chances predict likes."""

    auc: float  # see `auc_within_users`
    log_loss: float  # nats a rating
    calibration_error: float
    users: int  # with a like and a dislike, the mean of the AUC is over them
    ratings: int


Pair = tuple[Interactions, Interactions]
"""What is known, and what is asked."""


def liked(ratings: Interactions) -> Bools:
    """Which ratings are likes, [m]."""
    return np.asarray(ratings.ratings >= LIKED)


def measure(asked: Interactions, chances: Doubles) -> Figures:
    """The figures of `chances` [m] that each of the ratings is a like."""
    auc, users = auc_within_users(asked.users, liked(asked), chances)
    error = calibration_curve(liked(asked), chances).error
    return Figures(auc, log_loss(liked(asked), chances), error, users, len(chances))


def auc_within_users(users: Ints, likes: Bools, scores: Doubles) -> tuple[float, int]:
    """Chance that an item that a user liked scores above one that they did not; a tie counts one half.

    The mean over users who have both, and how many they are; NaN if nobody has. `users`, `likes` and `scores` are [m].
    """
    ranks = _ranks_within(users, scores)  # [m]
    liking = np.bincount(users, likes)  # [users]
    disliking = np.bincount(users, ~likes)
    above = np.bincount(users, np.where(likes, ranks, 0.0)) - liking * (liking + 1) / 2  # pairs in order (Mann-Whitney)
    both = (liking > 0) & (disliking > 0)
    if not both.any():
        return np.nan, 0
    return float(np.mean(above[both] / (liking[both] * disliking[both]))), int(both.sum())


def _ranks_within(users: Ints, scores: Doubles) -> Doubles:
    """Rank of each score among those of its user, [m], from 1; equal scores share their mean rank."""
    order = np.lexsort((scores, users))
    u, s = users[order], scores[order]
    places = np.arange(len(u)) - np.searchsorted(u, u)  # [m] from 0 within the user
    group = np.cumsum(np.append(False, (u[1:] != u[:-1]) | (s[1:] != s[:-1])))  # [m] of ties
    ranks = np.empty(len(u))
    ranks[order] = (1 + np.bincount(group, places) / np.bincount(group))[group]
    return ranks


def log_loss(likes: Bools, chances: Doubles) -> float:
    """Mean of -log of the chance that was given to what came true, in nats; [m] each."""
    true = np.where(likes, chances, 1 - chances)
    return float(-np.log(np.maximum(true, 1e-12)).mean())


def calibration_curve(likes: Bools, chances: Doubles, bins: int = BINS) -> Curve:
    """Predicted chance and observed share in bins of equally many ratings; equal chances are never parted."""
    ranks = _ranks_within(np.zeros(len(chances), np.int64), chances)  # [m]
    _, bin_of = np.unique(((ranks - 0.5) / len(ranks) * bins).astype(np.int64), return_inverse=True)
    count = np.bincount(bin_of)
    return Curve(np.bincount(bin_of, chances) / count, np.bincount(bin_of, likes) / count, count)


def known(history: Interactions, later: Interactions, splits: int, seed: int) -> list[Pair]:
    """Known users, known items: later ratings of items that somebody had rated before. One pair, without chance."""
    seen = np.bincount(history.items, minlength=history.num_items) > 0
    return [(history, later.where(seen[later.items]))]


def new_items(history: Interactions, later: Interactions, splits: int, seed: int) -> list[Pair]:
    """Known users, new items: each of `splits` parts of the catalog in turn is left out of what is known."""
    part = np.random.default_rng(seed).permutation(history.num_items) % splits  # [num_items]
    return [(history.where(part[history.items] != k), later.where(part[later.items] == k)) for k in range(splits)]


def new_users(history: Interactions, later: Interactions, splits: int, seed: int) -> list[Pair]:
    """New users, of whom only the profile is known: each of `splits` parts of the users in turn is left out."""
    part = np.random.default_rng(seed).permutation(history.num_users) % splits  # [num_users]
    return [(history.where(part[history.users] != k), later.where(part[later.users] == k)) for k in range(splits)]


Ask = Callable[[Interactions, Interactions, int, int], Sequence[Pair]]

QUESTIONS: Mapping[str, Ask] = {
    "known users and items": known,
    "new items": new_items,
    "new users, profile text only": new_users,
}
"""Each makes pairs of an earlier and a later part of histories, a number of splits and a seed."""
