"""A model of what a policy's sessions come to, fitted on the log of another one.

    Q(s, a) = <theta, situation(s) x item(s, a)>,    V(s) = sum_a pi(a | s) Q(s, a)

with item(s, a) = (1, c, c^2, b, c b, quality), c = <state, e_a>, b = max(0, <exposure, e_a>), and situation(s) the
observation's block of that name with a 1 before it. Fitted Q evaluation (Le, Voloshin and Yue, 2019): as often as a
session has steps, theta is the ridge regression of r_t + V(s_t+1), with the theta before, on the features of what was
recommended. Linear, because V needs the mean of the features under the policy only, which does not change.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.stochastic import Distribution
from recloop.experiments.logs import Log

Values = NDArray[np.float64]

_RIDGE = 1.0
_CHUNK = 200  # sessions at a time
_ITEM_FEATURES = 6


class Reading(NamedTuple):
    """What the target policy makes of a log."""

    chances: Values  # [sessions, longest] of the item that was recommended
    taken: Values  # [sessions, longest, k] features of that item
    expected: Values  # [sessions, longest, k] mean of the features under the target policy


def read_log(log: Log, target: Distribution, items: ItemSpace) -> Reading:
    """Ask the target policy about every decision of the log."""
    n = len(log.users)
    parts = [_read_chunk(log, slice(begin, begin + _CHUNK), target, items) for begin in range(0, n, _CHUNK)]
    return Reading(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _read_chunk(log: Log, rows: slice, target: Distribution, items: ItemSpace) -> Reading:
    recommended = np.maximum(log.items[rows], 0)  # after the end any item will do
    each, (n, longest) = np.arange(len(recommended)), recommended.shape
    state, steps = None, []
    for step in range(longest):
        observation = log.observations[rows, step]
        likely, state = target.probabilities(observation, state, np.full(n, step == 0))
        features, around = _of_items(observation, items), _situation(observation, items)
        mean = np.einsum("na,nak->nk", likely, features)  # [n, 6]
        chosen = features[each, recommended[:, step]].astype(np.float64)
        steps.append((likely[each, recommended[:, step]], _crossed(around, chosen), _crossed(around, mean)))
    return Reading(*(np.stack(arrays, axis=1) for arrays in zip(*steps, strict=True)))


def _of_items(observation: Floats, items: ItemSpace) -> Floats:
    """Features of every item for every observation, [n, num_items, 6]."""
    similar = observation[:, items.layout["state"]] @ items.vectors.T  # [n, num_items]
    bored = np.maximum(observation[:, items.layout["exposure"]] @ items.vectors.T, 0)
    quality = np.broadcast_to(items.quality.astype(np.float32), similar.shape)
    return np.stack([np.ones_like(similar), similar, similar**2, bored, similar * bored, quality], axis=2)


def _situation(observation: Floats, items: ItemSpace) -> Floats:
    """A 1 and the block `situation`, [n, 1 + size]."""
    block = observation[:, items.layout.get("situation", slice(0, 0))]
    return np.concatenate([np.ones((len(observation), 1), np.float32), block], axis=1)


def _crossed(situation: Floats, item: Values) -> Values:
    """All products of a feature of each, [n, k]."""
    return np.asarray(np.einsum("ns,nk->nsk", situation, item).reshape(len(item), -1), np.float64)


def fit(taken: Values, following: Values, rewards: Values, rounds: int) -> Values:
    """theta [k] after `rounds` of fitted Q evaluation.

    Args:
        taken: features of the items recommended, [m, k].
        following: mean features in the next state under the target policy, 0 where the session ended, [m, k].
        rewards: [m].
        rounds: the longest session.
    """
    gram = taken.T @ taken + _RIDGE * np.eye(taken.shape[1])
    now, later = np.linalg.solve(gram, taken.T @ rewards), np.linalg.solve(gram, taken.T @ following)  # [k], [k, k]
    theta = np.zeros_like(now)
    for _ in range(rounds):
        theta = now + later @ theta
    return theta
