"""The arithmetic of a step, compiled: one pass over each batch [n, dim] instead of one per operation.

Rows never mix, so a user's bits do not depend on who else is in the batch. Sums over `dim` may be reordered for vector
units (`reassoc`), which keeps results the same from run to run on one kind of machine, but not between kinds. Compiled
code is kept in `__pycache__`. Nothing checks that the rows match or that the items exist: `Simulator`
does, before anything is called.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from recloop.envs.catalog import Bools, Floats, Ints

_compiled: Callable[[Any], Any] = njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})

_TINY = np.float32(1e-18)  # a vector of zeros stays one, instead of becoming NaN


@_compiled
def row_dot(left: Floats, right: Floats) -> Floats:
    """<left, right> of each row, [n]."""
    n, dim = left.shape
    dots = np.empty(n, np.float32)
    for i in range(n):
        dot = np.float32(0)
        for d in range(dim):
            dot += left[i, d] * right[i, d]
        dots[i] = dot
    return dots


@_compiled
def boredom(exposure: Floats, shown: Floats, weight: float) -> Floats:
    """weight * max(0, <exposure, shown>), [n]."""
    n, dim = shown.shape
    cost = np.empty(n, np.float32)
    for i in range(n):
        dot = np.float32(0)
        for d in range(dim):
            dot += exposure[i, d] * shown[i, d]
        cost[i] = np.float32(weight) * max(dot, np.float32(0))
    return cost


@_compiled
def fade_and_add(exposure: Floats, shown: Floats, decay: float, gain: float) -> Floats:
    """decay * exposure + (1 - decay) * gain * shown, [n, dim]."""
    n, dim = shown.shape
    keep, add = np.float32(decay), np.float32((1 - decay) * gain)
    faded = np.empty((n, dim), np.float32)
    for i in range(n):
        for d in range(dim):
            faded[i, d] = keep * exposure[i, d] + add * shown[i, d]
    return faded


@_compiled
def drift(taste: Floats, profile: Floats, shown: Floats, click: Floats, rate: float, return_rate: float) -> Floats:
    """unit(taste + rate * click * shown + return_rate * profile), [n, dim]."""
    n, dim = taste.shape
    back = np.float32(return_rate)
    moved = np.empty((n, dim), np.float32)
    for i in range(n):
        step = np.float32(rate) * click[i]
        square = np.float32(0)
        for d in range(dim):
            value = taste[i, d] + step * shown[i, d] + back * profile[i, d]
            moved[i, d] = value
            square += value * value
        scale = np.float32(1) / np.sqrt(max(square, _TINY))
        for d in range(dim):
            moved[i, d] *= scale
    return moved


@_compiled
def logistic(appeal: Floats, quality: Floats, scale: float, offset: float) -> Floats:
    """sigmoid(scale * (appeal - offset) + quality), [n]."""
    n = len(appeal)
    probability = np.empty(n, np.float32)
    for i in range(n):
        log_odds = np.float32(scale) * (appeal[i] - np.float32(offset)) + quality[i]
        probability[i] = np.float32(1) / (np.float32(1) + np.exp(-max(log_odds, np.float32(-60))))
    return probability


@_compiled
def pass_time(patience: Floats, clock: Ints, click: Floats, gain: float, loss: float) -> tuple[Floats, Ints]:
    """min(1, patience + gain * click - loss * (1 - click)), [n], and clock + 1, [n]."""
    n = len(patience)
    spent, later = np.empty(n, np.float32), np.empty(n, np.int64)
    for i in range(n):
        left = patience[i] + np.float32(gain) * click[i] - np.float32(loss) * (np.float32(1) - click[i])
        spent[i] = min(np.float32(1), left)
        later[i] = clock[i] + 1
    return spent, later


@_compiled
def ended(patience: Floats, clock: Ints, max_steps: int) -> tuple[Bools, Bools]:
    """Where no patience is left, [n]; where some is and the clock is at `max_steps`, [n]."""
    n = len(patience)
    left, over = np.empty(n, np.bool_), np.empty(n, np.bool_)
    for i in range(n):
        left[i] = patience[i] <= np.float32(1e-6)  # ten losses of 0.1 are not exactly 1 in float32
        over[i] = clock[i] >= max_steps and not left[i]
    return left, over


@_compiled
def within(items: Ints, num_items: int) -> bool:
    """Whether all `items` [n] are 0 to num_items - 1."""
    fit = True
    for item in items:
        fit &= 0 <= item < num_items
    return fit


@_compiled
def observe_pooled(
    before: Floats,
    vectors: Floats,
    items: Ints,
    click: Floats,
    clock: Ints,
    click_rate: float,
    decay: float,
    gain: float,
    max_steps: int,
) -> Floats:
    """The next pooled observation [n, 2 * dim + 3]: state, exposure and situation of `envs/observations.py`."""
    n, dim = len(items), vectors.shape[1]
    keep, add = np.float32(decay), np.float32((1 - decay) * gain)
    after = np.empty_like(before)
    for i in range(n):
        shown = vectors[items[i]]  # [dim]
        step = np.float32(click_rate) * click[i]
        square = np.float32(0)
        for d in range(dim):
            value = before[i, d] + step * shown[d]
            after[i, d] = value
            square += value * value
        scale = np.float32(1) / np.sqrt(max(square, _TINY))
        for d in range(dim):
            after[i, d] *= scale
            after[i, dim + d] = keep * before[i, dim + d] + add * shown[d]
        after[i, 2 * dim] = np.float32(clock[i]) / np.float32(max_steps)
        after[i, 2 * dim + 1] = click[i]
        after[i, 2 * dim + 2] = np.float32(0.8) * before[i, 2 * dim + 2] + np.float32(0.2) * click[i]
    return after
