"""NaN and infinity, caught where they arise: a learner that has met one goes on, and has forgotten everything."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def refuse_not_finite(name: str, values: NDArray[Any], users: NDArray[np.integer[Any]] | None = None) -> None:
    """Refuse a NaN or an infinity in `values` [n, ...], of which each row is one of the `users` [n]; None for all.

    Raises:
        FloatingPointError: naming the first such user, the value and where to look.
    """
    if math.isfinite(np.vdot(values, values)):  # one pass, and no array is made
        return
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):  # else only the squares were too large
        first = tuple(bad[0].tolist())
        user = first[0] if users is None else users[first[0]]
        raise FloatingPointError(
            f"{name} of user {user} is {values[first]}{f' at {first[1]}' if len(first) > 1 else ''} "
            f"({len(set(bad[:, 0].tolist()))} of {len(values)}); look at env.{name.split()[-1]} and what it is made of"
        )


def refuse_loss(loss: float, updates: int) -> None:
    """Refuse a loss that is NaN or infinite, `updates` updates after the beginning.

    Raises:
        FloatingPointError: so; the weights are lost by then.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} at update {updates}; lower agent.learning_rate or agent.max_grad_norm"
        )
