"""How a user answers a recommendation: one item, or a slate of several.

All of them rest on the attraction of each item, a logistic model of what the user feels

    attraction = sigmoid(scale * (appeal - offset) + quality)        in (0, 1)

where `appeal` is affinity less the costs of the dynamics, in units of cosine, and `quality` is in log odds.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Bools, Floats


class Choice(Protocol):
    """From what users feel to what they click."""

    @property
    def slate(self) -> int:
        """Items shown at once."""

    @property
    def scale(self) -> float:
        """Log odds for one unit of cosine."""

    @property
    def offset(self) -> float:
        """Appeal at which an item of average quality attracts half of the time."""

    @property
    def attention(self) -> Floats:
        """Share of the user's attention that each position gets, [slate], sum 1."""

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Probability of a click and click of each item, from arrays alike: [n] for one item, [n, slate] for slates.

        `noise` is uniform in [0, 1).
        """


@dataclass(frozen=True)
class Click:
    """One item, clicked with the probability of its attraction, which is called enjoyment.

    Args:
        scale: steepness, log odds for one unit of cosine.
        offset: appeal at which an item of average quality is clicked half of the time.
    """

    slate: ClassVar[int] = 1
    attention: ClassVar[Floats] = np.ones(1, np.float32)

    scale: float = 25.0
    offset: float = 0.27

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Enjoyment [n] and click [n] from affinity, cost and quality [n]; a click is where `noise` [n] lies below."""
        answer: tuple[Floats, Floats] = kernels.answer(affinity, cost, quality, noise, self.scale, self.offset)
        return answer


@dataclass(frozen=True)
class MultinomialLogit:
    """One item of the slate or none, the choice of a random-utility maximiser (McFadden, 1974).

        P(item j) = exp(u_j) / (1 + sum_i exp(u_i)),    u = scale * (appeal - offset) + quality

    Nothing has the utility 0, so that a slate of one is a `Click`. The order within the slate means nothing.

    Args:
        slate: items shown at once.
        scale: steepness, log odds for one unit of cosine.
        offset: appeal at which an item of average quality alone is clicked half of the time.
    """

    slate: int = 5
    scale: float = 25.0
    offset: float = 0.27

    def __post_init__(self) -> None:
        """A slate holds items."""
        _refuse_empty(self.slate)

    @cached_property
    def attention(self) -> Floats:
        """All positions alike, [slate]."""
        return np.full(self.slate, 1 / self.slate, np.float32)

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Probability and click of each position, [n, slate]; the first column of `noise` [n, slate] decides."""
        utility = np.clip(self.scale * (affinity - cost - self.offset) + quality, -60, 60)
        weight = np.exp(utility)
        chance = (weight / (1 + weight.sum(axis=1, keepdims=True))).astype(np.float32)  # [n, slate]
        upper, lower, drawn = np.cumsum(chance, axis=1), np.zeros_like(chance), noise[:, :1]
        lower[:, 1:] = upper[:, :-1]
        return chance, ((drawn >= lower) & (drawn < upper)).astype(np.float32)


@dataclass(frozen=True)
class Cascade:
    """The user reads from the top, clicks the first item that attracts, and may give up before (Craswell et al., 2008).

        P(item j) = persistence ** j * attraction_j * prod_{i < j} (1 - attraction_i)

    Args:
        slate: items shown at once.
        persistence: probability of reading on after an item that did not attract.
        scale: steepness, log odds for one unit of cosine.
        offset: appeal at which an item of average quality that is read is clicked half of the time.
    """

    slate: int = 5
    persistence: float = 0.9
    scale: float = 25.0
    offset: float = 0.27

    def __post_init__(self) -> None:
        """A slate holds items, and persistence is a probability."""
        _refuse_empty(self.slate)
        if not 0 <= self.persistence <= 1:
            raise ValueError(f"persistence is {self.persistence}; it is a probability, 0 to 1")

    @cached_property
    def attention(self) -> Floats:
        """As far down as persistence alone leads, [slate]."""
        return _shares(self.persistence ** np.arange(self.slate))

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Probability and click of each position, [n, slate]; each position has a `noise` [n, slate] of its own."""
        attraction = _attraction(self.scale * (affinity - cost - self.offset) + quality)  # [n, slate]
        goes_on = self.persistence * (1 - attraction)  # [n, slate]
        chance = attraction * _product_before(goes_on)
        reads = _product_before((noise >= attraction) & (noise < attraction + goes_on))
        return chance.astype(np.float32), (reads * (noise < attraction)).astype(np.float32)


@dataclass(frozen=True)
class PositionBias:
    """Each item is seen with a probability that falls with its position, and is clicked by itself (Richardson, 2007).

        P(item j) = (j + 1) ** -steepness * attraction_j            j = 0 at the top

    Several items of a slate may be clicked.

    Args:
        slate: items shown at once.
        steepness: how quickly attention falls; 0 for not at all.
        scale: log odds for one unit of cosine.
        offset: appeal at which an item of average quality that is seen is clicked half of the time.
    """

    slate: int = 5
    steepness: float = 1.0
    scale: float = 25.0
    offset: float = 0.27

    def __post_init__(self) -> None:
        """A slate holds items, and attention does not rise."""
        _refuse_empty(self.slate)
        if not self.steepness >= 0:
            raise ValueError(f"steepness is {self.steepness}; attention does not rise, give 0 or more")

    @cached_property
    def _seen(self) -> Floats:
        return ((np.arange(self.slate) + 1.0) ** -self.steepness).astype(np.float32)

    @cached_property
    def attention(self) -> Floats:
        """In proportion to how often each position is seen, [slate]."""
        return _shares(self._seen)

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Probability and click of each position, [n, slate]; each position has a `noise` [n, slate] of its own."""
        attraction = _attraction(self.scale * (affinity - cost - self.offset) + quality)  # [n, slate]
        chance = (self._seen * attraction).astype(np.float32)
        return chance, (noise < chance).astype(np.float32)


def _refuse_empty(slate: int) -> None:
    if slate < 1:
        raise ValueError(f"slate is {slate}; show at least 1 item")


def _attraction(log_odds: Floats) -> Floats:
    attraction: Floats = (1 / (1 + np.exp(-np.clip(log_odds, -60, 60)))).astype(np.float32)
    return attraction


def _shares(weights: Floats) -> Floats:
    shares: Floats = (weights / weights.sum()).astype(np.float32)
    return shares


def _product_before(factors: Floats | Bools) -> Floats:
    """Product of all factors before each position, [n, slate]; 1 at the top."""
    before = np.ones(factors.shape, np.float32)
    np.cumprod(factors[:, :-1], axis=1, out=before[:, 1:])
    return before
