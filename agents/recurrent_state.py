"""A state that is carried from answer to answer."""

from typing import Any

import torch
from torch import Tensor, nn

from recloop.agents.learned_state import LearnedState, Steps
from recloop.agents.networks import LOG_SPEED

STEP = 0.1
"""Initial length of a step towards an item that was clicked against expectation."""


class RecurrentState(LearnedState):
    """A filter whose gain a gated recurrent unit sets (Cho et al., 2014): for each step with item e and answer y

        p     = sigmoid(score of e at m)
        h'    = gru(h; e, y, y - p)
        m'    = m + step * exp(<g, h'>) * (y - p) * e

    and state' = m + W h after the last. What is learned of one answer is the surprise y - p, as in the update of a
    logistic regression or of an extended Kalman filter. g and W are zero at first.

    Args:
        width: of h.
        arguments: those of `LearnedState`.
    """

    def __init__(self, *arguments: Any, width: int = 32, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cell = nn.GRUCell(self.dim + 2, width)
        self.log_step = nn.Parameter(torch.log(torch.tensor(STEP)) / LOG_SPEED)
        self.gain = nn.Parameter(torch.zeros(width))
        self.out = nn.Parameter(torch.zeros(width, self.dim))

    def infer(self, prior: Tensor, steps: Steps) -> Tensor:
        """The state after the last answer, [n, dim]."""
        mean, exposure = prior, torch.zeros_like(prior)
        hidden = prior.new_zeros(len(prior), self.cell.hidden_size)
        keep, impression = self.fading()
        for e, quality, answer, known in zip(*(part.unbind(1) for part in steps), strict=True):
            score = self.scores((mean * e).sum(dim=1), (exposure * e).sum(dim=1), quality)
            surprise = (answer - torch.sigmoid(score)) * known  # [n]
            told = torch.cat([e, answer[:, None], surprise[:, None]], dim=1)
            hidden = torch.where(known[:, None] > 0, self.cell(told, hidden), hidden)
            step = torch.exp(LOG_SPEED * self.log_step + hidden @ self.gain)  # [n]
            mean = torch.addcmul(mean, (step * surprise)[:, None], e)
            exposure = keep * exposure + impression * e
        return mean + hidden @ self.out
