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
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_compiled: Callable[[Any], Any] = njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})

_TINY = np.float32(1e-18)  # a vector of zeros stays one, instead of becoming NaN


# Of row i of one array and row j of another. (Slices would be counted as references, at every row.)


@_compiled
def _dot(left: Floats, i: int, right: Floats, j: int) -> Any:
    dot = np.float32(0)
    for d in range(left.shape[1]):
        dot += left[i, d] * right[j, d]
    return dot


@_compiled
def _fade_and_add(exposure: Floats, i: int, vectors: Floats, j: int, keep: Any, add: Any, out: Floats) -> None:
    for d in range(exposure.shape[1]):
        out[i, d] = keep * exposure[i, d] + add * vectors[j, d]


@_compiled
def _drift(
    taste: Floats, profile: Floats, i: int, vectors: Floats, j: int, towards: Any, back: Any, out: Floats
) -> None:
    square = np.float32(0)
    for d in range(taste.shape[1]):
        value = taste[i, d] + towards * vectors[j, d] + back * profile[i, d]
        out[i, d] = value
        square += value * value
    scale = np.float32(1) / np.sqrt(max(square, _TINY))
    for d in range(taste.shape[1]):
        out[i, d] *= scale


@_compiled
def _chance(appeal: Any, quality: Any, scale: float, offset: float) -> Any:
    log_odds = np.float32(scale) * (appeal - np.float32(offset)) + quality
    return np.float32(1) / (np.float32(1) + np.exp(-max(log_odds, np.float32(-60))))


@_compiled
def _pass_time(patience: Any, click: Any, gain: float, loss: float) -> Any:
    return min(np.float32(1), patience + np.float32(gain) * click - np.float32(loss) * (np.float32(1) - click))


@_compiled
def dots(left: Floats, vectors: Floats, items: Ints) -> Floats:
    """<left, vectors[items]> of each row, [n]."""
    found = np.empty(len(left), np.float32)
    for i in range(len(left)):
        found[i] = _dot(left, i, vectors, items[i])
    return found


@_compiled
def boredom(exposure: Floats, vectors: Floats, items: Ints, weight: float) -> Floats:
    """weight * max(0, <exposure, vectors[items]>), [n]."""
    cost = np.empty(len(items), np.float32)
    for i in range(len(items)):
        cost[i] = np.float32(weight) * max(_dot(exposure, i, vectors, items[i]), np.float32(0))
    return cost


@_compiled
def fade_and_add(exposure: Floats, shown: Floats, decay: float, gain: float) -> Floats:
    """decay * exposure + (1 - decay) * gain * shown, [n, dim]."""
    keep, add = np.float32(decay), np.float32((1 - decay) * gain)
    faded = np.empty(shown.shape, np.float32)
    for i in range(len(shown)):
        _fade_and_add(exposure, i, shown, i, keep, add, faded)
    return faded


@_compiled
def drift(taste: Floats, profile: Floats, clicked: Floats, rate: float, return_rate: float) -> Floats:
    """unit(taste + rate * clicked + return_rate * profile), [n, dim]."""
    moved = np.empty(taste.shape, np.float32)
    for i in range(len(taste)):
        _drift(taste, profile, i, clicked, i, np.float32(rate), np.float32(return_rate), moved)
    return moved


@_compiled
def answer(
    affinity: Floats, cost: Floats, quality: Floats, noise: Floats, scale: float, offset: float
) -> tuple[Floats, Floats]:
    """sigmoid(scale * (affinity - cost - offset) + quality), [n], and 1 where `noise` lies below it, else 0, [n]."""
    enjoyment, click = np.empty_like(affinity), np.empty_like(affinity)
    for i in range(len(affinity)):
        enjoyment[i] = _chance(affinity[i] - cost[i], quality[i], scale, offset)
        click[i] = np.float32(noise[i] < enjoyment[i])
    return enjoyment, click


@_compiled
def pass_time(patience: Floats, click: Floats, gain: float, loss: float) -> Floats:
    """min(1, patience + gain * click - loss * (1 - click)), [n]."""
    left = np.empty_like(patience)
    for i in range(len(patience)):
        left[i] = _pass_time(patience[i], click[i], gain, loss)
    return left


@_compiled
def step(
    taste: Floats,
    profile: Floats,
    exposure: Floats,
    patience: Floats,
    vectors: Floats,
    quality: Floats,
    items: Ints,
    noise: Floats,
    scale: float,
    offset: float,
    weight: float,
    decay: float,
    gain: float,
    rate: float,
    return_rate: float,
    patience_gain: float,
    patience_loss: float,
    expected: bool,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Answer, boredom, drift and patience in one pass: the default world, a third of the calls' cost.

    Returns click, enjoyment, affinity and cost [4, n], taste [n, dim], exposure [n, dim] and patience [n]. If
    `expected`, the click is its probability.
    """
    keep, add, back = np.float32(decay), np.float32((1 - decay) * gain), np.float32(return_rate)
    answers = np.empty((4, len(items)), np.float32)
    moved, faded, left = np.empty(taste.shape, np.float32), np.empty(taste.shape, np.float32), np.empty_like(patience)
    for i in range(len(items)):
        item = items[i]
        affinity = _dot(taste, i, vectors, item)
        cost = np.float32(weight) * max(_dot(exposure, i, vectors, item), np.float32(0))
        enjoyment = _chance(affinity - cost, quality[item], scale, offset)
        click = enjoyment if expected else np.float32(noise[i] < enjoyment)
        answers[0, i], answers[1, i], answers[2, i], answers[3, i] = click, enjoyment, affinity, cost
        _fade_and_add(exposure, i, vectors, item, keep, add, faded)
        _drift(taste, profile, i, vectors, item, np.float32(rate) * click, back, moved)
        left[i] = _pass_time(patience[i], click, patience_gain, patience_loss)
    return answers, moved, faded, left


@_compiled
def arrive(tastes: Floats, who: Ints, noise: Floats, length: float) -> Floats:
    """unit(tastes[who] + length * noise), [n, dim]."""
    n, dim = noise.shape
    taste = np.empty((n, dim), np.float32)
    for i in range(n):
        square = np.float32(0)
        for d in range(dim):
            value = tastes[who[i], d] + np.float32(length) * noise[i, d]
            taste[i, d] = value
            square += value * value
        scale = np.float32(1) / np.sqrt(max(square, _TINY))
        for d in range(dim):
            taste[i, d] *= scale
    return taste


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


@_compiled
def nearest(queries: Floats, vectors: Floats, k: int) -> tuple[Ints, Floats]:
    """The `k` rows of `vectors` of the highest inner product with each query, best first, and the products, [n, k]."""
    n, num_items = len(queries), len(vectors)
    items, scores = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    for i in range(n):
        found = 0
        for item in range(num_items):
            score = _dot(queries, i, vectors, item)
            if found == k and not score > scores[i, k - 1]:
                continue
            place = min(found, k - 1)
            while place > 0 and score > scores[i, place - 1]:
                items[i, place], scores[i, place] = items[i, place - 1], scores[i, place - 1]
                place -= 1
            items[i, place], scores[i, place] = item, score
            found = min(found + 1, k)
    return items, scores


# Chance that needs no generator: an integer for each session, mixed with what happens in it (splitmix64; Steele et
# al., 2014).


@_compiled
def _mixed(key: Any, word: Any) -> Any:
    z = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(word) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_compiled
def stirred(keys: Ints, words: Ints) -> Ints:
    """The `keys` [n] after the whole numbers `words` [n, length], in their order, have been mixed into them."""
    after = np.empty_like(keys)
    for i in range(len(keys)):
        key = np.uint64(keys[i])
        for word in words[i]:
            key = _mixed(key, word)
        after[i] = np.int64(key)
    return after


@_compiled
def _is_taken(item: Any, chosen: Ints, shown: Floats, i: int) -> Any:
    """Looking through both lists takes no memory that grows with the catalog."""
    taken = False
    for other in range(chosen.shape[1]):
        taken |= chosen[i, other] == item
    for other in range(shown.shape[1]):
        taken |= shown[i, other] == item
    return taken


@_compiled
def candidates(keys: Ints, found: Ints, shown: Floats, retrieved: int, drawn: int, num_items: int) -> Ints:
    """Different items, none of them shown: of each row of `found` the first `retrieved`, then `drawn` by its key.

    [n, retrieved + drawn]; `found` [n, m] and `shown` [n, length] have -1 for none. Where too few are found, more are
    drawn.
    """
    n, k = len(keys), retrieved + drawn
    chosen = np.full((n, k), -1)
    for i in range(n):
        count = 0
        for item in found[i]:
            if item >= 0 and count < retrieved and not _is_taken(item, chosen, shown, i):
                chosen[i, count] = item
                count += 1
        throw = np.uint64(0)
        while count < k:
            item = np.int64(_mixed(keys[i], throw) % np.uint64(num_items))
            throw += np.uint64(1)
            if not _is_taken(item, chosen, shown, i):
                chosen[i, count] = item
                count += 1
    return chosen
