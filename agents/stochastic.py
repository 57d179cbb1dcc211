"""Policies that choose at random with known probabilities: what logs must come from, to say something of others."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recloop.agents.baselines import mask_shown
from recloop.agents.policy import Floats, Ints, Policy

Probabilities = NDArray[np.float64]
"""Of every item, [n, num_items]; rows add up to 1."""


class Distribution(Protocol):
    """From what is observed to how likely each item is recommended."""

    def probabilities(
        self, observation: Floats, state: Any = None, episode_start: Any = None
    ) -> tuple[Probabilities, Any]:
        """Probabilities [n, num_items] for observations [n, size], and the policy's own state for the next call."""


@dataclass(frozen=True, eq=False)
class EpsilonGreedy:
    """What the policy recommends, but with probability epsilon any item of the catalog that may be shown.

        p(a) = (1 - epsilon) * 1[a = greedy] + epsilon / (num_items - items shown that may not be again)

    Args:
        policy: which recommends; deterministic.
        num_items: size of the catalog.
        epsilon: share of recommendations made at random, in [0, 1].
        shown: block of the observation with what may not be recommended again; None if everything may.
    """

    policy: Policy
    num_items: int
    epsilon: float
    shown: slice | None = None

    def __post_init__(self) -> None:
        """A share lies between 0 and 1."""
        if not 0 <= self.epsilon <= 1:
            raise ValueError(f"epsilon is {self.epsilon}; it is a share, from 0 to 1")

    def probabilities(
        self, observation: Floats, state: Any = None, episode_start: Any = None
    ) -> tuple[Probabilities, Any]:
        """The policy is asked once for each call."""
        greedy, state = self.policy.predict(observation, state=state, episode_start=episode_start, deterministic=True)
        may = np.isfinite(mask_shown(np.zeros((len(greedy), self.num_items), np.float32), observation, self.shown))
        likely = may * (self.epsilon / may.sum(axis=1, keepdims=True))
        likely[np.arange(len(greedy)), greedy] += 1 - self.epsilon
        return likely, state


class Scorer(Protocol):
    """What has a score for every item, such as `Greedy`."""

    def scores(self, observation: Floats) -> Floats:
        """Scores [n, num_items] of observations [n, size]."""


@dataclass(frozen=True, eq=False)
class Softmax:
    """The higher its score, the likelier an item is recommended.

        p(a) = exp(score(a) / temperature) / sum_b exp(score(b) / temperature)

    Args:
        scorer: gives the scores.
        temperature: in units of the score; near 0 the best item, towards infinity any.
    """

    scorer: Scorer
    temperature: float

    def __post_init__(self) -> None:
        """Temperatures are positive."""
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}; it divides the scores, give a number above 0")

    def probabilities(
        self, observation: Floats, state: Any = None, episode_start: Any = None
    ) -> tuple[Probabilities, Any]:
        """They depend on the observation alone."""
        scores = self.scorer.scores(observation).astype(np.float64) / self.temperature
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True), state


class Sampled:
    """A policy that draws its recommendations; after each call `propensities` [n] says how likely they were.

    Args:
        distribution: drawn from.
        seed: of its own random stream.
    """

    def __init__(self, distribution: Distribution, seed: int) -> None:
        self.distribution, self.rng = distribution, np.random.default_rng(seed)
        self.propensities: NDArray[np.float64] = np.empty(0)

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """An item for each user, drawn whether `deterministic` or not."""
        likely, state = self.distribution.probabilities(observation, state, episode_start)
        items = draw(likely, self.rng.random(len(likely)))
        self.propensities = likely[np.arange(len(items)), items]
        return items, state


def draw(probabilities: Probabilities, uniform: NDArray[np.float64]) -> Ints:
    """The item [n] at which the cumulative probability first exceeds `uniform` [n], which lies in [0, 1).

    An item of probability 0 is never drawn, whatever the rounding of the sums.
    """
    reached = np.cumsum(probabilities, axis=1)
    return np.asarray((reached > uniform[:, None] * reached[:, -1:]).argmax(axis=1))
