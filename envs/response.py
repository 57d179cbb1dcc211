"""Response models fitted on logs: how steeply real likes rise with similarity and with the quality of the item."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.effects import Effects
from recloop.envs.fidelity import liked
from recloop.envs.interactions import Interactions

Doubles = NDArray[np.float64]

_STEPS = 50
_PENALTY = 1e-4


class Logistic(NamedTuple):
    """chance = sigmoid(<weights, features> + intercept)."""

    weights: Doubles  # [features]
    intercept: float

    def __call__(self, features: Doubles) -> Doubles:
        """Chances [m] of `features` [m, features]."""
        return np.asarray(expit(features @ self.weights + self.intercept))

    @staticmethod
    def fit(features: Doubles, likes: Bools, counts: Doubles | None = None) -> "Logistic":
        """Maximum likelihood, by Newton's method, with a penalty too small to see that keeps weights finite.

        Args:
            features: [m, features].
            likes: what came true, [m].
            counts: how many cases each row stands for, [m]; one each by default.
        """
        columns = np.column_stack([features, np.ones(len(features))])  # [m, features + 1]
        cases = np.ones(len(features)) if counts is None else counts
        found = np.zeros(columns.shape[1])
        penalty = _PENALTY * np.append(columns[:, :-1].var(axis=0), 0.0) * cases.sum()
        for _ in range(_STEPS):
            chances = expit(columns @ found)
            slope = columns.T @ (cases * (likes - chances)) - penalty * found
            curvature = (columns.T * (cases * chances * (1 - chances))) @ columns + np.diag(penalty + 1e-9)
            step = np.linalg.solve(curvature, slope)
            found += step / max(1.0, float(np.abs(columns @ step).max()))  # log odds move by one at most
            if np.abs(step).max() < 1e-8:
                break
        return Logistic(found[:-1], float(found[-1]))


class Response(NamedTuple):
    """What was fitted."""

    choice: Any  # the choice model with its scale and offset
    quality: Floats  # [num_items] in log odds, 0 for the average item and for one never rated


@dataclass(frozen=True)
class Fitted:
    """A choice model and item quality fitted on the logs of the train users, by maximum likelihood.

        chance = sigmoid(scale * (affinity - offset) + quality),    quality = weight * effect of the item in stars

    Item effects are those of `Effects`: shrunken, and freed of how generous those were who rated the item. Where items
    lie, tastes and effects come from the first part of each history, and what is predicted comes after it; with scale,
    offset and weight found, quality is that of the whole logs. Two targets:

    - `liked`: that a rating is a like, among what was rated. Who asks people what they think of what they chose.
    - `chosen`: that an item is rated and liked, among all items that were not rated before. Who shows something and
      waits for a click. A log does not say what was shown, so that the share of clicks is a lower bound.

    Args:
        choice: the model, whose own scale and offset are replaced.
        target: `liked` or `chosen`.
        share: first part of each history.
        most_pairs: pairs of user and item beyond which `chosen` takes a sample of those not chosen.
    """

    choice: Any
    target: Literal["liked", "chosen"] = "liked"
    share: float = 0.8
    most_pairs: int = 1_000_000

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not {"scale", "offset"} <= set(getattr(self.choice, "__dataclass_fields__", ())):
            raise ValueError(f"choice is {self.choice!r}; give a model that has a scale and an offset to fit")
        if not 0 < self.share < 1:
            raise ValueError(f"share is {self.share}; give the part of each history that comes first, between 0 and 1")
        if self.most_pairs < 1:
            raise ValueError(f"most_pairs is {self.most_pairs}; give 1 or more")

    def fit(self, logs: Interactions, place: Callable[[Interactions], Floats], half_life: float) -> Response:
        """The choice model and the quality of items that fit best.

        Args:
            logs: of the train users, rows of others are empty.
            place: the world's item vectors [num_items, dim], fitted on the logs that it is given.
            half_life: of the users' memory, see `Interactions.pool`.

        Raises:
            ValueError: likes do not rise with similarity, so that no scale above 0 fits.
        """
        first, then = logs.split_by_time(self.share)
        vectors, effects = place(first), Effects.fit(first).item
        tastes = first.pool(vectors, half_life)  # [num_users, dim]
        users, items, likes, counts = self._pairs(first, then)
        affinity = np.einsum("md,md->m", tastes[users], vectors[items])
        found = Logistic.fit(np.column_stack([affinity, effects[items]]), likes, counts)
        scale, weight = found.weights.tolist()
        if scale <= 1e-3:
            raise ValueError(f"likes do not rise with similarity (scale {scale:.3g}); choose env/choice=click")
        quality = (weight * Effects.fit(logs).item).astype(np.float32)
        return Response(replace(self.choice, scale=scale, offset=-found.intercept / scale), quality)

    def _pairs(self, first: Interactions, then: Interactions) -> tuple[Ints, Ints, Bools, Doubles]:
        """User, item, whether it came true, and how many pairs it stands for, [m] each."""
        if self.target == "liked":
            return then.users, then.items, liked(then), np.ones(len(then.users))
        chosen = then.where(liked(then))
        users = np.unique(then.users)
        open_ = np.zeros((then.num_users, then.num_items), bool)
        open_[users] = True
        open_[first.users, first.items] = open_[chosen.users, chosen.items] = False
        others = np.flatnonzero(open_)
        sample = np.random.default_rng(0).choice(others, min(self.most_pairs, len(others)), replace=False)
        rows, columns = np.divmod(sample, then.num_items)
        return (
            np.concatenate([chosen.users, rows]),
            np.concatenate([chosen.items, columns]),
            np.arange(len(chosen.users) + len(rows)) < len(chosen.users),
            np.concatenate([np.ones(len(chosen.users)), np.full(len(rows), len(others) / len(rows))]),
        )
