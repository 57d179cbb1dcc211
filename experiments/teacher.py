"""A language model that plays users: it is told of a person, and says how they would rate items."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from recloop.agents.policy import Floats, Ints

if TYPE_CHECKING:
    from recloop.encoders.opinions import Opinions
    from recloop.encoders.prompts import RatingPrompt
    from recloop.envs.interactions import Interactions
    from recloop.experiments.progress import Bar
    from recloop.experiments.setting import Texts

Doubles = NDArray[np.float64]

STARS = ("1", "2", "3", "4", "5")
_LIKED = 3  # the place of 4 stars, the lowest that is a like


class Pairs(NamedTuple):
    """People and items whom somebody asks about, by person."""

    users: Ints  # [m] in rising order
    items: Ints  # [m]
    stars: Floats  # [m] what the person gave later, NaN where nobody knows


class Said(NamedTuple):
    """What a teacher says of pairs."""

    log_odds: Doubles  # [m] of 4 stars or more, among the five answers
    stars: Doubles  # [m] expected
    mass: float  # mean chance, of all tokens, that any of the five comes next


def sample(
    history: "Interactions", later: "Interactions", people: int, rated: int, unrated: int, rng: np.random.Generator
) -> Pairs:
    """Pairs of `people` drawn among those who liked some later items and not others.

    Of each, up to `rated` items that they rated later, and `unrated` others of the catalog.
    """
    from recloop.envs.fidelity import liked

    likes = np.bincount(later.users[liked(later)], minlength=later.num_users)  # [num_users]
    both = np.flatnonzero((likes > 0) & (likes < np.bincount(later.users, minlength=later.num_users)))
    chosen = np.sort(rng.choice(both, min(people, len(both)), replace=False))
    rows = []
    for user in chosen.tolist():
        own = later.where(later.users == user)
        places = rng.permutation(len(own.items))[:rated]
        seen = np.concatenate([own.items, history.items[history.users == user]])
        others = rng.permutation(np.setdiff1d(np.arange(later.num_items), seen))[:unrated]
        stars = np.concatenate([own.ratings[places], np.full(len(others), np.nan, np.float32)])
        rows.append((np.full(len(stars), user), np.concatenate([own.items[places], others]), stars))
    return Pairs(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def ask(
    opinions: "Opinions", prompt: "RatingPrompt", texts: "Texts", history: "Interactions", pairs: Pairs, bar: "Bar"
) -> Said:
    """What the model says of `pairs`: it reads a person once, with their latest ratings of `history`."""
    found = np.empty((len(pairs.users), len(STARS)))  # [m, 5] log chances
    for user in np.unique(pairs.users).tolist():
        own = history.where(history.users == user)
        beginning = prompt.beginning(
            texts.profiles[user], [texts.items[item] for item in own.items], own.ratings.tolist()
        )
        rows = np.flatnonzero(pairs.users == user)
        found[rows] = opinions(beginning, [prompt.ending(texts.items[item]) for item in pairs.items[rows]])
        bar.advance(len(rows))
    return said(found)


def said(log_chances: Doubles) -> Said:
    """Sum up the log chances [m, 5] of one to five stars."""
    odds = logsumexp(log_chances[:, _LIKED:], axis=1) - logsumexp(log_chances[:, :_LIKED], axis=1)
    chances = np.exp(log_chances)
    mass = chances.sum(axis=1)  # [m]
    stars = chances @ np.arange(1, len(STARS) + 1) / mass
    return Said(np.asarray(odds, np.float64), stars, float(mass.mean()))
