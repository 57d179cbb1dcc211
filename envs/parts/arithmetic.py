"""The arithmetic of the parts that numpy would do in many passes, compiled: one pass over each batch of users.

As in `envs/kernels.py`, rows never mix and nothing is checked: the simulator has seen to it that rows match and items
exist.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from recloop.envs.catalog import Floats, Ints

_compiled: Callable[[Any], Any] = njit(cache=True, error_model="numpy")

_ALMOST = np.float32(1e-4)  # sums of probabilities are not exactly whole


@_compiled
def of_group(values: Floats, groups: Ints, items: Ints) -> Floats:
    """The value [n] that each user keeps of the group of their item: `values` [n, num_groups], `items` [n]."""
    found = np.empty(len(items), np.float32)
    for i in range(len(items)):
        found[i] = values[i, groups[items[i]]]
    return found


@_compiled
def satiated(stock: Floats, groups: Ints, items: Ints, kept: float) -> Floats:
    """kept * (stock + share of the slate that is of each group), [n, num_groups]; `items` is [n, slate]."""
    after = np.empty(stock.shape, np.float32)
    share = np.float32(1) / np.float32(items.shape[1])
    for i in range(len(items)):
        for g in range(stock.shape[1]):
            after[i, g] = np.float32(kept) * stock[i, g]
        for s in range(items.shape[1]):
            after[i, groups[items[i, s]]] += np.float32(kept) * share
    return after


@_compiled
def timed_out(
    own: Floats,
    clock: Ints,
    groups: Ints,
    items: Ints,
    clicks: Floats,
    num_groups: int,
    threshold: float,
    memory_steps: int,
    timeout_steps: int,
) -> Floats:
    """The columns of `TimeOut` one step later, [n, num_groups * (1 + memory_steps)].

    First the steps of time-out that each group has left, then the clicks on each group in each remembered step, of
    which the oldest are overwritten.
    """
    after = np.empty(own.shape, np.float32)
    for i in range(len(items)):
        for c in range(own.shape[1]):
            after[i, c] = own[i, c]
        newest = num_groups * (1 + clock[i] % memory_steps)
        for g in range(num_groups):
            after[i, g] = max(np.float32(0), own[i, g] - np.float32(1))
            after[i, newest + g] = np.float32(0)
        for s in range(items.shape[1]):
            after[i, newest + groups[items[i, s]]] += clicks[i, s]
        for s in range(items.shape[1]):
            _begin_time_out(after, i, groups[items[i, s]], num_groups, threshold, memory_steps, timeout_steps)
    return after


@_compiled
def _begin_time_out(
    after: Floats, i: int, group: int, num_groups: int, threshold: float, memory_steps: int, timeout_steps: int
) -> None:
    """If user i has clicked the group so often: the time-out begins, and the clicks are forgotten."""
    clicks = np.float32(0)
    for m in range(memory_steps):
        clicks += after[i, num_groups * (1 + m) + group]
    if clicks >= np.float32(threshold) - _ALMOST:
        after[i, group] = np.float32(timeout_steps)
        for m in range(memory_steps):
            after[i, num_groups * (1 + m) + group] = np.float32(0)


@_compiled
def clicked_before(own: Floats, items: Ints) -> Floats:
    """How much of `items` [n] was clicked, [n]; `own` [n, 2 * length]: numbers of items plus 1, then their clicks."""
    length = own.shape[1] // 2
    clicked = np.empty(len(items), np.float32)
    for i in range(len(items)):
        total = np.float32(0)
        for m in range(length):
            if own[i, m] == np.float32(items[i] + 1):
                total += own[i, length + m]
        clicked[i] = min(total, np.float32(1))
    return clicked


@_compiled
def appended(own: Floats, items: Ints, clicks: Floats) -> Floats:
    """The columns of `clicked_before` with `items` and `clicks` [n, slate] at their ends, the oldest forgotten."""
    length, slate = own.shape[1] // 2, items.shape[1]
    kept = max(length - slate, 0)
    after = np.empty(own.shape, np.float32)
    for i in range(len(items)):
        for m in range(kept):
            after[i, m] = own[i, m + slate]
            after[i, length + m] = own[i, length + m + slate]
        for m in range(kept, length):
            s = slate - length + m
            after[i, m] = np.float32(items[i, s] + 1)
            after[i, length + m] = clicks[i, s]
    return after
