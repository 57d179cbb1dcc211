"""A state that looks at all answers at once."""

from typing import Any

import torch
from torch import Tensor, nn

from recloop.agents.learned_state import LearnedState, Steps
from recloop.agents.networks import LOG_SPEED

SPREAD = 0.1
"""Initial standard deviation of taste, in each dimension, about what is known at arrival."""

NEWTON_STEPS = 3


class AttentiveState(LearnedState):
    """Attention over the steps of the session, with the weights of a Gaussian process (Rasmussen and Williams, 2006).

    Taste is believed to be normal about what is known at arrival, with covariance S = spread^2 * M M'. The state is
    its most probable value after all answers y,

        state' = prior + S E' c,    c = alpha * (y - p),    p = sigmoid(scores of the items shown, at state')

    E [length, dim] being the items shown. The weights c of the items are found by Newton's method, in which

        c <- (1 + W K)^-1 (W K c + alpha * (y - p)),    K = E S E',    W = diag(alpha^2 p (1 - p))

    so that an answer weighs less the more of it the others explain; to attend to each for itself would count the same
    surprise again and again. The metric M is learned, from the root of the items' second moments: people are believed
    to differ where items do.

    Args:
        arguments: those of `LearnedState`.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.log_spread = nn.Parameter(torch.log(torch.tensor(SPREAD)) / LOG_SPEED)
        self.metric = nn.Parameter(_root(self.vectors.T @ self.vectors / len(self.vectors)))

    def infer(self, prior: Tensor, steps: Steps) -> Tensor:
        """The state after all answers, [n, dim]."""
        e, alpha = steps.vectors, torch.exp(LOG_SPEED * self.log_scales[0])
        keys = e @ self.metric * torch.exp(LOG_SPEED * self.log_spread)  # [n, length, dim]
        covariance = keys @ keys.transpose(1, 2)  # [n, length, length]
        score = self.scores((e @ prior[:, :, None])[:, :, 0], self._exposed(e), steps.quality)  # [n, length]
        weights = torch.zeros_like(score)
        for _ in range(NEWTON_STEPS):
            moved = (covariance @ weights[:, :, None])[:, :, 0]  # [n, length]
            chance = torch.sigmoid(score + alpha * moved)
            curvature = alpha**2 * chance * (1 - chance)
            wanted = curvature * moved + alpha * (steps.answers - chance) * steps.known
            matrix = torch.eye(score.shape[1], device=score.device) + curvature[:, :, None] * covariance
            weights = torch.linalg.solve(matrix, wanted)
        told = (weights[:, None] @ keys)[:, 0] @ self.metric.T
        return prior + told * torch.exp(LOG_SPEED * self.log_spread)

    def _exposed(self, e: Tensor) -> Tensor:
        """<exposure, e> of each step's item when it was shown, [n, length]."""
        keep, impression = self.fading()
        numbers = torch.arange(e.shape[1], device=e.device)
        ago = (numbers[:, None] - numbers - 1).clamp(min=0)  # [length, length]
        faded = impression * (keep**ago).tril(-1)
        exposed: Tensor = (e @ e.transpose(1, 2) * faded).sum(dim=2)
        return exposed


def _root(moments: Tensor) -> Tensor:
    """The symmetric root of `moments` [dim, dim] brought to the trace of the identity."""
    values, directions = torch.linalg.eigh(moments.double() * (len(moments) / moments.trace()))
    root: Tensor = (directions * values.clamp(min=0).sqrt() @ directions.T).float()
    return root
