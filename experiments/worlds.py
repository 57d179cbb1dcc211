"""Worlds fitted on logs, and how well each predicts what real people liked afterwards."""

import hashlib
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import expit

from recloop.agents.policy import Floats
from recloop.encoders.fingerprint import fingerprint
from recloop.experiments.reading import blaming

if TYPE_CHECKING:
    from recloop.envs.catalog import Ints
    from recloop.envs.interactions import Interactions
    from recloop.envs.simulator import Simulator


class Fidelity(NamedTuple):
    """How well an environment's response model predicts the ratings that came after those it was fitted on.

    The chance of a like is `sigmoid(scale * (affinity - offset) + quality)`, with the taste of the user's history.
    """

    auc_within_user: float | None  # None where no user has likes and others
    popularity_auc: float | None  # of the same ratings, by how often the item was rated before
    log_loss: float
    calibration_error: float
    users: int
    ratings: int
    scale: float
    offset: float

    @property
    def line(self) -> str:
        """`fidelity: AUC 0.70 within a user on held-out ratings (popularity 0.61), calibration error 0.02`."""
        if self.auc_within_user is None or self.popularity_auc is None:
            return "fidelity: not measured, for no user has both likes and others among the held-out ratings"
        return (
            f"fidelity: AUC {self.auc_within_user:.2f} within a user on held-out ratings "
            f"(popularity {self.popularity_auc:.2f}), calibration error {self.calibration_error:.2f}"
        )


class World(NamedTuple):
    """Where the items lie, what users like, and how they answer."""

    vectors: Floats  # [num_items, dim]
    tastes: Floats  # [num_users, dim]
    quality: Floats | None  # [num_items] in log odds, None if it was not fitted
    choice: Any


def fit_world(
    space: Any, choice: Any, language: Floats, history: "Interactions", members: "Ints", half_life: float
) -> World:
    """Fit what is to be fitted on what the train users did.

    Args:
        space: places the items by their ratings, such as `Metric`, or is a world of its own, such as `Taught`; None
            leaves them where texts are read.
        choice: the response model, or what fits one, such as `Fitted`.
        language: the items as read, [num_items, dim].
        history: what the platform has logged, of everybody.
        members: the train users, [m].
        half_life: of the users' memory, in interactions.
    """
    if hasattr(space, "live"):
        with blaming("env.world.space"):
            lived = space.live(language, history.pool(language, half_life))
            return World(lived.vectors, lived.tastes, lived.quality, space.answering(choice, lived))
    logs = history.of_users(members)

    def place(known: "Interactions") -> Floats:
        vectors: Floats = language if space is None else space.place(language, known)
        return vectors

    with blaming("env.world.space"):
        vectors = place(logs)
    tastes = history.pool(vectors, half_life)
    if not hasattr(choice, "fit"):
        return World(vectors, tastes, None, choice)
    with blaming("env.choice"):
        response = choice.fit(logs, place, half_life)
    return World(vectors, tastes, response.quality, response.choice)


def fingerprints(space: Any, choice: Any, simulator: "Simulator") -> dict[str, str]:
    """Of what was fitted on logs, by name: where the items lie, how users answer."""
    found = {}
    if space is not None:
        found["world space"] = hashlib.sha256(simulator.world.vectors.tobytes()).hexdigest()
    if hasattr(choice, "fit"):
        quality = hashlib.sha256(simulator.world.quality.tobytes()).hexdigest()
        scale, offset = repr(simulator.choice.scale), repr(simulator.choice.offset)
        found["response model"] = fingerprint(scale=scale, offset=offset, quality=quality)
    return found


def fidelity(simulator: "Simulator", later: "Interactions") -> Fidelity:
    """How well the response model of `simulator` predicts the ratings `later`, which it was not fitted on."""
    from recloop.envs.fidelity import auc_within_users, liked, measure

    world, choice = simulator.world, simulator.choice
    users, items = later.users, later.items
    affinity = np.einsum("md,md->m", simulator.population.tastes[users], world.vectors[items]).astype(np.float64)
    figures = measure(later, expit(choice.scale * (affinity - choice.offset) + world.quality[items]))
    popularity, _ = auc_within_users(users, liked(later), world.popularity[items].astype(np.float64))
    return Fidelity(
        _or_none(figures.auc),
        _or_none(popularity),
        figures.log_loss,
        figures.calibration_error,
        figures.users,
        figures.ratings,
        float(choice.scale),
        float(choice.offset),
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
