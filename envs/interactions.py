"""What people did: ratings with their times, and what follows from them for users and items."""

from dataclasses import dataclass

import numpy as np

from recloop.envs.catalog import Bools, Floats, Ints, unit

LIKED = 4.0
"""A rating of so many stars or more counts as liked, as is usual for MovieLens."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Logged ratings, sorted by user and then by time.

    Args:
        users: row of the user, [m] in 0..num_users-1.
        items: row of the item, [m] in 0..num_items-1.
        ratings: stars, [m].
        times: seconds, [m].
        num_users: number of users, those without a rating included.
        num_items: number of items, those without a rating included.
    """

    users: Ints
    items: Ints
    ratings: Floats
    times: Ints
    num_users: int
    num_items: int

    def __post_init__(self) -> None:
        """Check the ranges and the order."""
        for name, rows, bound in (("users", self.users, self.num_users), ("items", self.items, self.num_items)):
            if len(rows) and not (rows.min() >= 0 and rows.max() < bound):
                raise ValueError(f"{name} has rows from {rows.min()} to {rows.max()}, but there are {bound} {name}")
        if not np.isfinite(self.ratings).all():
            raise ValueError(f"rating {int(np.argmax(~np.isfinite(self.ratings)))} is not a number; drop it or mend it")
        if np.any(np.diff(self.users) < 0) or np.any((np.diff(self.times) < 0) & (np.diff(self.users) == 0)):
            raise ValueError("interactions must be sorted by user, then by time; see Interactions.sort")

    @staticmethod
    def sort(users: Ints, items: Ints, ratings: Floats, times: Ints, num_users: int, num_items: int) -> "Interactions":
        """Interactions from rows in any order; rows of one user and second are ordered by item."""
        order = np.lexsort((items, times, users))
        return Interactions(users[order], items[order], ratings[order], times[order], num_users, num_items)

    def where(self, keep: Bools) -> "Interactions":
        """The interactions marked in `keep`, [m]."""
        return Interactions(
            self.users[keep], self.items[keep], self.ratings[keep], self.times[keep], self.num_users, self.num_items
        )

    def split_by_time(self, share: float) -> tuple["Interactions", "Interactions"]:
        """The first `share` of each user's interactions, and what came after."""
        if not 0 < share < 1:
            raise ValueError(f"share is {share}; give the part of each history that comes first, between 0 and 1")
        count = np.bincount(self.users, minlength=self.num_users)  # [num_users]
        first = np.concatenate([[0], np.cumsum(count)[:-1]])  # [num_users]
        age = np.arange(len(self.users)) - first[self.users]  # [m], position in the user's own history
        before = age < share * count[self.users]
        return self.where(before), self.where(~before)

    def of_users(self, users: Ints) -> "Interactions":
        """The interactions of some users; rows keep their numbers."""
        return self.where(np.isin(self.users, users))

    def weights(self, half_life: float) -> np.ndarray:
        """What each interaction counts in its user's taste, [m].

        How far its rating lies above the user's own mean, halved every `half_life` interactions into the past; where
        all ratings of a user are equal, the recency alone.
        """
        count = np.bincount(self.users, minlength=self.num_users)  # [num_users]
        last = np.cumsum(count) - 1
        recency = 0.5 ** ((last[self.users] - np.arange(len(self.users))) / half_life)  # [m]
        mean = np.bincount(self.users, self.ratings, self.num_users) / np.maximum(count, 1)
        liking = self.ratings - mean[self.users]  # [m]
        plain = np.bincount(self.users, np.abs(liking), self.num_users) < 1e-6  # [num_users]
        weights: np.ndarray = recency * np.where(plain[self.users], 1.0, liking)
        return weights

    def pool(self, vectors: Floats, half_life: float) -> Floats:
        """What each history says of its user's taste: unit vectors, [num_users, dim].

        The mean of the items' vectors by their `weights`. A user without history gets a vector of zeros.
        """
        pooled = np.zeros((self.num_users, vectors.shape[1]))
        np.add.at(pooled, self.users, self.weights(half_life)[:, None] * vectors[self.items])
        return unit(pooled.astype(np.float32))

    def popularity(self) -> Floats:
        """Share of all interactions that were with each item, [num_items]."""
        count = np.bincount(self.items, minlength=self.num_items)
        share: Floats = (count / max(1, count.sum())).astype(np.float32)
        return share

    def quality(self, shrinkage: float = 10.0) -> Floats:
        """How much better liked each item is than the average one, in log odds, [num_items].

        Shrunken as if every item had `shrinkage` more ratings with the average share of likes; 0 for an item never
        rated.
        """
        liked = self.ratings >= LIKED
        average = float(liked.mean())
        if not 0 < average < 1:
            raise ValueError(f"{average:.0%} of the ratings are likes ({LIKED:g} stars or more); quality needs both")
        total = np.bincount(self.items, minlength=self.num_items) + shrinkage
        likes = np.bincount(self.items, liked, self.num_items) + shrinkage * average
        quality: Floats = (np.log(likes / (total - likes)) - np.log(average / (1 - average))).astype(np.float32)
        return quality

    def recent_likes(self, length: int) -> Ints:
        """The last `length` items each user liked, oldest first, padded with -1 in front, [num_users, length]."""
        recent = np.full((self.num_users, length), -1)
        liked = self.where(self.ratings >= LIKED)
        for user, items in _by_user(liked):
            recent[user, length - min(length, len(items)) :] = items[-length:]
        return recent


def _by_user(interactions: Interactions) -> list[tuple[int, Ints]]:
    users, starts = np.unique(interactions.users, return_index=True)
    return list(zip(users.tolist(), np.split(interactions.items, starts)[1:], strict=True))
