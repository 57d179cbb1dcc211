"""What a recommendation is worth: a weighted sum of named components."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np

from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.simulator import Response, summed
from recloop.envs.users import Users


class Step(NamedTuple):
    """One recommendation and what came of it, for n users."""

    users: Users  # before
    after: Users
    items: Ints  # [n], or [n, slate]
    response: Response
    left: np.ndarray  # [n] bool, the user has lost patience


@dataclass(frozen=True)
class Reward:
    """Weights of the components; a component of weight 0 is not computed.

    The default is enjoyment alone: the expected click, so that a return reads as clicks a session. Of a slate,
    enjoyment, click and revenue are sums, the others means over its items.

    Args:
        enjoyment: probability of a click, the calibrated similarity, (0, 1).
        raw_similarity: relu(cos + 1), [0, 2]; cannot tell good from best where all cosines are small.
        centred_similarity: cosine of taste and item, [-1, 1] (the world's vectors are centred).
        click: the click itself, 0 or 1; the same expectation as enjoyment, with more noise.
        rating: stars that the user would give, 1 + 4 * enjoyment rounded, [1, 5].
        diversity: 1 - max(0, cosine of the item and the fading memory of what was shown), [0, 1].
        novelty: -log2(popularity), scaled to [0, 1] over the catalog; an item never logged counts as 1.
        retention: 1 while the user stays, 0 on the step that makes them leave.
        revenue: expected earnings of ads, enjoyment * price, [0, 1] an item.
    """

    enjoyment: float = 1.0
    raw_similarity: float = 0.0
    centred_similarity: float = 0.0
    click: float = 0.0
    rating: float = 0.0
    diversity: float = 0.0
    novelty: float = 0.0
    retention: float = 0.0
    revenue: float = 0.0

    def __post_init__(self) -> None:
        """Weights are numbers, and not all 0."""
        for name, weight in self.weights.items():
            if not np.isfinite(weight):
                raise ValueError(f"reward weight {name} is {weight}; give a finite number")
        if not self.weights:
            raise ValueError("all reward weights are 0; there is nothing to learn from")

    @cached_property
    def weights(self) -> dict[str, float]:
        """Weight by component, without those that are 0."""
        weights = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        return {name: weight for name, weight in weights.items() if weight}

    @cached_property
    def _parts(self) -> list[tuple[np.ndarray, Callable[[Step, Catalog], Floats]]]:
        return [(np.array(weight, np.float32), _COMPONENTS[name]) for name, weight in self.weights.items()]

    def __call__(self, step: Step, world: Catalog) -> Floats:
        """The reward of one step, [n]."""
        (weight, component), *others = self._parts
        total: Floats = weight * component(step, world)
        for weight, component in others:
            total += weight * component(step, world)
        return total

    def bounds(self, slate: int = 1) -> tuple[float, float]:
        """Least and greatest reward of one step with slates of so many items."""
        ends = [
            sorted(weight * end * (slate if name in _SUMS else 1) for end in _RANGES[name])
            for name, weight in self.weights.items()
        ]
        return sum(low for low, _ in ends), sum(high for _, high in ends)


def _diversity(step: Step, world: Catalog) -> Floats:
    exposure = step.users.exposure
    length = np.sqrt(np.einsum("nd,nd->n", exposure, exposure))
    overlap = np.einsum("nd,n...d->n...", exposure, world.vectors[step.items])  # as items
    return _mean(1 - np.clip((overlap.T / np.maximum(length, np.float32(1e-6))).T, 0, 1))


def _novelty(step: Step, world: Catalog) -> Floats:
    rarest = np.float32(world.popularity[world.popularity > 0].min())
    surprise = -np.log2(np.maximum(world.popularity[step.items], rarest))
    return _mean(np.clip(surprise / np.float32(max(-np.log2(rarest), 1e-6)), 0, 1).astype(np.float32))


def _revenue(step: Step, world: Catalog) -> Floats:
    if world.prices is None:
        return np.zeros(len(step.items), np.float32)
    return summed(step.response.enjoyment * world.prices[step.items])


def _mean(values: Floats) -> Floats:
    """Over the slate, [n]."""
    return values if values.ndim == 1 else values.mean(axis=1)


_COMPONENTS: dict[str, Callable[[Step, Catalog], Floats]] = {
    "enjoyment": lambda step, world: summed(step.response.enjoyment),
    "raw_similarity": lambda step, world: _mean(np.maximum(step.response.affinity + 1, 0)),
    "centred_similarity": lambda step, world: _mean(np.clip(step.response.affinity, -1, 1)),
    "click": lambda step, world: step.response.clicks,
    "rating": lambda step, world: _mean(np.rint(1 + 4 * step.response.enjoyment)),
    "diversity": _diversity,
    "novelty": _novelty,
    "retention": lambda step, world: 1 - step.left.astype(np.float32),
    "revenue": _revenue,
}

_RANGES = {
    "enjoyment": (0, 1),
    "raw_similarity": (0, 2),
    "centred_similarity": (-1, 1),
    "click": (0, 1),
    "rating": (1, 5),
    "diversity": (0, 1),
    "novelty": (0, 1),
    "retention": (0, 1),
    "revenue": (0, 1),
}

_SUMS = ("enjoyment", "click", "revenue")
"""Components that are sums over a slate."""
