"""How a user answers one recommendation."""

from dataclasses import dataclass

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

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Enjoyment [n] and click [n] from affinity, cost and quality [n]; a click is where `noise` [n] lies below."""
        answer: tuple[Floats, Floats] = kernels.answer(affinity, cost, quality, noise, self.scale, self.offset)
        return answer
