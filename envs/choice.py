"""How a user answers one recommendation."""

from dataclasses import dataclass

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Floats


@dataclass(frozen=True)
class Click:
    """A click with the probability of a logistic model of what the user feels.

        enjoyment = sigmoid(scale * (appeal - offset) + quality)        in (0, 1)
        click     ~ Bernoulli(enjoyment)

    `appeal` is affinity less boredom, in units of cosine; `quality` is in log odds.

    Args:
        scale: steepness, log odds for one unit of cosine.
        offset: appeal at which an item of average quality is clicked half of the time.
    """

    scale: float = 25.0
    offset: float = 0.27

    def enjoyment(self, appeal: Floats, quality: Floats) -> Floats:
        """Probability of a click, [n], from appeal [n] and quality [n]."""
        probability: Floats = kernels.logistic(appeal, quality, self.scale, self.offset)
        return probability

    def click(self, enjoyment: Floats, noise: Floats) -> Floats:
        """1 where `noise` [n], uniform in [0, 1), lies below the enjoyment [n]; 0 elsewhere."""
        return np.less(noise, enjoyment).astype(np.float32)
