"""Ways to predict what somebody will like, from what was logged and read: the rows of the fidelity table."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recloop.envs.catalog import Floats, Ints, unit
from recloop.envs.factors import Factors
from recloop.envs.fidelity import Ask, liked
from recloop.envs.interactions import Interactions
from recloop.envs.metric import Metric
from recloop.envs.response import Logistic

Doubles = NDArray[np.float64]

HALF_LIFE = 50.0
"""Interactions after which a user's memory of one has halved."""

_PROFILE_RIDGE = 30.0


class Reading(NamedTuple):
    """What a language model makes of the texts."""

    raw_items: Floats  # [num_items, width] unit vectors as the model gives them
    raw_profiles: Floats  # [num_users, width]
    items: Floats  # [num_items, dim] centred, reduced, unit
    profiles: Floats  # [num_users, dim]


Score = Callable[[Ints, Ints], Doubles]
"""Of users [m] and items [m], the features [m, features] from which a logistic regression makes chances."""

Predictor = Callable[[Interactions, Reading], Score]
"""A score, fitted on what was logged."""


def constant(logs: Interactions, reading: Reading) -> Score:
    """Nothing: everybody likes everything equally."""
    return lambda users, items: np.zeros((len(users), 0))


def popularity(logs: Interactions, reading: Reading) -> Score:
    """The logarithm of how often the item was rated."""
    count = np.log1p(np.bincount(logs.items, minlength=logs.num_items))  # [num_items]
    return lambda users, items: count[items][:, None]


def item_mean(logs: Interactions, reading: Reading) -> Score:
    """How well liked the item is, in log odds, with shrinkage: the item quality of the environment."""
    quality = logs.quality().astype(np.float64)  # [num_items]
    return lambda users, items: quality[items][:, None]


def raw_cosine(logs: Interactions, reading: Reading) -> Score:
    """The cosine between the item and the mean of what the user liked, as the language model gives its vectors."""
    likes = logs.where(liked(logs))
    shape = (logs.num_users, logs.num_items)
    chosen = sparse.csr_array((np.ones(len(likes.users), np.float32), (likes.users, likes.items)), shape)
    return _cosine(_known_or_profile(unit(chosen @ reading.raw_items), reading.raw_profiles), reading.raw_items)


def centred_cosine(logs: Interactions, reading: Reading) -> Score:
    """The cosine between item and history, centred and weighted by rating: the affinity of the environment."""
    return _cosine(_known_or_profile(logs.pool(reading.items, HALF_LIFE), reading.profiles), reading.items)


def calibrated_similarity(logs: Interactions, reading: Reading) -> Score:
    """Centred cosine and item quality."""
    return _both(centred_cosine(logs, reading), item_mean(logs, reading))


def learned_metric(logs: Interactions, reading: Reading) -> Score:
    """Similarity in the metric that `Metric` learns, and the item's effect, of which its text says something too."""
    found = Metric().fit(reading.items, logs)
    factors = found.items  # [num_items, rank]
    tastes = _from_profiles(found.users, reading.profiles, logs)
    effects = found.effects.item[:, None]
    return lambda users, items: np.column_stack([effects[items], _products(tastes[users], factors[items])])


def matrix_factorisation(logs: Interactions, reading: Reading) -> Score:
    """Users and items in a space of their own and the item's effect, see `Factors`: no text is read."""
    found = Factors().fit(logs)
    effects = found.effects.item[:, None]
    return lambda users, items: np.column_stack([effects[items], _products(found.users[users], found.items[items])])


PREDICTORS: Mapping[str, Predictor] = {
    "constant": constant,
    "popularity": popularity,
    "item mean": item_mean,
    "raw cosine": raw_cosine,
    "centred cosine": centred_cosine,
    "calibrated similarity": calibrated_similarity,
    "learned metric": learned_metric,
    "matrix factorisation": matrix_factorisation,
}


def predict(predictor: Predictor, reading: Reading, ask: Ask, known: Interactions, asked: Interactions) -> Doubles:
    """Chances [m] that the ratings `asked` are likes.

    How much the features of `predictor` weigh is fitted by putting the same question about what is known: with the
    first four fifths of every history as what is known, and the last as what is asked.
    """
    before, after = ask(*known.split_by_time(0.8), 5, 1)[0]
    weigh = Logistic.fit(predictor(before, reading)(after.users, after.items), liked(after))
    return weigh(predictor(known, reading)(asked.users, asked.items))


def _cosine(tastes: Floats, items: Floats) -> Score:
    return lambda users, places: _products(tastes[users], items[places])[:, None]


def _both(first: Score, second: Score) -> Score:
    return lambda users, items: np.column_stack([first(users, items), second(users, items)])


def _products(left: NDArray[np.floating], right: NDArray[np.floating]) -> Doubles:
    return np.asarray(np.einsum("md,md->m", left, right, dtype=np.float64))


def _known_or_profile(tastes: Floats, profiles: Floats) -> Floats:
    """The tastes [num_users, dim], and the profile's vector of a user who has none."""
    known = tastes.any(axis=1, keepdims=True)  # [num_users, 1]
    return np.where(known, tastes, profiles)


def _from_profiles(tastes: Doubles, profiles: Floats, logs: Interactions) -> Doubles:
    """The tastes [num_users, rank]; for users without logs what a ridge regression on profiles [_, dim] expects."""
    known = np.bincount(logs.users, minlength=logs.num_users) > 0
    columns = np.asarray(profiles[known], np.float64)
    gram = columns.T @ columns + _PROFILE_RIDGE * np.eye(columns.shape[1])
    expected = profiles @ np.linalg.solve(gram, columns.T @ tastes[known])
    return np.where(known[:, None], tastes, expected)
