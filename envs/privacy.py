"""Differentially private profiles: what is known of each user's past is blurred once, before anybody uses it."""

from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, log, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from recloop.envs.catalog import Floats, unit


@dataclass(frozen=True)
class Gaussian:
    """The Gaussian mechanism on the vectors that stand for users' pasts, and then their directions.

        released = unit(v * min(1, clip / |v|) + sigma * z),    z ~ N(0, I)

    Whoever sees all that is released and learns of everything about all users but one can hardly tell what that one's
    past was: with all of it, history and profile text, replaced by any other, no event becomes more than e^epsilon
    times as probable, but for delta. Two clipped vectors lie at most 2 clip apart, which is the sensitivity. Taking
    the direction of what was released takes nothing of that back.

    Each vector is drawn for once, by `seed`. Every further draw of the same vector, by another seed, is a further
    release, and the epsilons add up; and whoever knows the seed can take the noise off again.

    Args:
        epsilon: the bound on the log ratio of probabilities, above 0; noise grows with 1 / epsilon.
        delta: the probability by which the bound may be missed; well below one over the number of users.
        clip: the greatest length of a vector. Those of `Pooled` have length 1, for which it makes no difference
            whether noise and vectors are both scaled.
        seed: of the noise.
    """

    epsilon: float
    delta: float
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what protects nobody."""
        for name, value, most in (("epsilon", self.epsilon, inf), ("delta", self.delta, 1), ("clip", self.clip, inf)):
            if not (isfinite(value) and 0 < value < most):
                raise ValueError(f"{name} is {value}; give a number above 0{' and below 1' if most == 1 else ''}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; give a whole number of 0 or more")

    @cached_property
    def sigma(self) -> float:
        """Standard deviation of the noise in each dimension: the least that keeps epsilon and delta."""
        return least_sigma(self.epsilon, self.delta, 2 * self.clip)

    def protect(self, vectors: Floats) -> Floats:
        """What is released of `vectors` [n, dim]: unit vectors, [n, dim]."""
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        clipped = vectors * np.minimum(1, self.clip / np.maximum(length, 1e-9))
        noise = np.random.default_rng(self.seed).standard_normal(vectors.shape)
        return unit((clipped + self.sigma * noise).astype(np.float32))


def least_sigma(epsilon: float, delta: float, sensitivity: float) -> float:
    """The least noise of the Gaussian mechanism, found on its exact trade-off (Balle and Wang, 2018).

    The textbook's sqrt(2 ln(1.25 / delta)) * sensitivity / epsilon is too much where it is right, for epsilon below 1,
    and wrong above.
    """
    most = sensitivity * (1 + sqrt(2 * log(1.25 / delta)) / min(epsilon, 1.0))
    found = brentq(lambda at: delta_of(np.exp(at), epsilon, sensitivity) - delta, log(sensitivity) - 14, log(most))
    return float(np.exp(found)) * (1 + 1e-9)  # rather too much than too little


def delta_of(sigma: float, epsilon: float, sensitivity: float) -> float:
    """The delta that noise of `sigma` gives for `epsilon` (Balle and Wang, 2018, theorem 8).

    delta = Phi(s / 2 sigma - epsilon sigma / s) - e^epsilon Phi(-s / 2 sigma - epsilon sigma / s)
    """
    half, shift = sensitivity / (2 * sigma), epsilon * sigma / sensitivity
    return float(ndtr(half - shift) - np.exp(epsilon + log_ndtr(-half - shift)))
