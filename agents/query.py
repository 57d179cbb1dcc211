"""The actor of a proto agent: a vector in item space, next to which lie the items to show."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from recloop.agents.networks import LOG_SPEED
from recloop.agents.worth import near_zero

_ROOM = 0.9
"""Length of a query that will be squashed: no coordinate may reach 1, of which no hyperbolic tangent is."""


class Query(nn.Module):
    """A unit vector in item space

        query = unit(alpha * state - beta * exposure + f(features))

    alpha and beta are learned through their logarithms, f is an MLP that starts near zero. So an untrained agent asks
    for what is similar and not boring, and no weight knows of the catalog.

    Args:
        layout: where `state` and `exposure` stand in the features.
        size: length of the features.
        hidden: widths of the hidden layers of f.
        scales: initial alpha and beta.
        squashed: whether a hyperbolic tangent follows: then its inverse is said, of 0.9 * query.
    """

    def __init__(
        self, layout: dict[str, slice], size: int, hidden: list[int], scales: tuple[float, ...], *, squashed: bool
    ) -> None:
        super().__init__()
        self.state, self.exposure, self.squashed = layout["state"], layout["exposure"], squashed
        self.log_scales = nn.Parameter(torch.log(torch.tensor(scales)) / LOG_SPEED)
        self.learned = near_zero(size, self.state.stop - self.state.start, hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Queries [n, dim] for features [n, size]."""
        alpha, beta = torch.exp(LOG_SPEED * self.log_scales)
        learned: Tensor = self.learned(features)
        query = normalize(learned + alpha * features[:, self.state] - beta * features[:, self.exposure], dim=1)
        return torch.atanh(_ROOM * query) if self.squashed else query


def deviation(noise: float, dim: int) -> float:
    """Standard deviation of each of `dim` coordinates of a random vector about as long as `noise`."""
    return noise / math.sqrt(dim)


def entropy(noise: float, dim: int) -> float:
    """Of a normal distribution with that `deviation` in each of `dim` coordinates, in nats."""
    return dim * math.log(deviation(noise, dim) * math.sqrt(2 * math.pi * math.e))


def spread(log_std: nn.Linear, noise: float) -> None:
    """Let the logarithms of the standard deviations begin at that `deviation`, whatever is observed."""
    nn.init.zeros_(log_std.weight)
    nn.init.constant_(log_std.bias, math.log(deviation(noise, log_std.out_features)))
