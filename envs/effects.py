"""What makes a rating high before anybody's taste counts: generous users and good items."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.envs.catalog import Floats
from recloop.envs.interactions import Interactions

Doubles = NDArray[np.float64]

_ROUNDS = 5
_USER_SHRINKAGE, _ITEM_SHRINKAGE = 5.0, 10.0


class Effects(NamedTuple):
    """rating = mean + user + item + what is left for taste, in stars."""

    mean: float
    user: Doubles  # [num_users]
    item: Doubles  # [num_items]

    def residuals(self, logs: Interactions) -> Doubles:
        """What is left for taste, [m]."""
        return logs.ratings - self.mean - self.user[logs.users] - self.item[logs.items]

    @staticmethod
    def fit(logs: Interactions, vectors: Floats | None = None, ridge: float = 30.0) -> "Effects":
        """Effects shrunken as if every user had rated 5 average items more, and every item were rated 10 times more.

        Items are shrunken towards what a ridge regression on `vectors` [num_items, dim] expects of them, which is all
        that there is to say of an item never rated; towards the average item without `vectors`. Solved by turns.
        """
        mean, user = float(logs.ratings.mean()), np.zeros(logs.num_users)
        ratings_of_item = np.bincount(logs.items, minlength=logs.num_items)
        ratings_of_user = np.bincount(logs.users, minlength=logs.num_users)
        item = np.zeros(logs.num_items)
        for _ in range(_ROUNDS):
            left_to_items = np.asarray(logs.ratings - mean - user[logs.users], np.float64)  # [m]
            total: Doubles = np.bincount(logs.items, left_to_items, logs.num_items).astype(np.float64)
            expected = 0.0 if vectors is None else _regress(vectors, total, ratings_of_item, ridge)
            item = expected + (total - ratings_of_item * expected) / (ratings_of_item + _ITEM_SHRINKAGE)
            left = np.bincount(logs.users, logs.ratings - mean - item[logs.items], logs.num_users)
            user = left / (ratings_of_user + _USER_SHRINKAGE)
        return Effects(mean, user, item)


def _regress(vectors: Floats, total: Doubles, count: NDArray[np.int64], ridge: float) -> Doubles:
    """Expected effect of each item, [num_items], from the totals [num_items] of `count` [num_items] ratings.

    An item's mean rating tells of its effect with a precision that levels off at `_ITEM_SHRINKAGE` ratings.
    """
    columns = np.asarray(vectors, np.float64)  # [num_items, dim]
    level = 1 + count / _ITEM_SHRINKAGE
    gram = columns.T @ (columns * (count / level)[:, None]) + ridge * np.eye(columns.shape[1])
    return np.asarray(columns @ np.linalg.solve(gram, columns.T @ (total / level)))
