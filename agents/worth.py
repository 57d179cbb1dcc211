"""The critic of a proto agent: what a vector in item space is worth."""

import numpy as np
import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import Tensor, nn
from torch.nn.functional import normalize

from recloop.agents.networks import LOG_SPEED, SHIFT


class Worth(nn.Module):
    """The value of showing what lies in the direction a, the action scaled to length one

        at_once = sigmoid(<alpha * state + f(features), a> - beta * max(0, <exposure, a>) - shift)
        value   = at_once + h(features, a, <state, a>, <exposure, a>)

    alpha and beta are learned through their logarithms, f and h are MLPs that start near zero. The items nearest to a
    are shown whatever its length, so that its length is worth nothing. What comes at once is learned from rewards
    alone (see `BatchedDQN`): values teach h.

    Args:
        layout: where `state` and `exposure` stand in the features.
        size: length of the features.
        hidden: widths of the hidden layers of f and of h.
        scales: initial alpha and beta.
        outputs: how many values, quantiles for instance.
    """

    def __init__(
        self, layout: dict[str, slice], size: int, hidden: list[int], scales: tuple[float, ...], outputs: int
    ) -> None:
        super().__init__()
        self.state, self.exposure, self.size = layout["state"], layout["exposure"], size
        dim = self.state.stop - self.state.start
        self.log_scales = nn.Parameter(torch.log(torch.tensor(scales)) / LOG_SPEED)
        self.shift = nn.Parameter(torch.tensor(SHIFT / LOG_SPEED))
        self.liked = near_zero(size, dim, hidden)
        self.later = near_zero(size + dim + 2, outputs, hidden)

    def forward(self, inputs: Tensor) -> Tensor:
        """Values [n, outputs] of features with an action behind them, [n, size + dim]."""
        features, action, similar, bored = self._parts(inputs)
        later: Tensor = self.later(torch.cat([features, action, similar, bored], dim=1))
        return later + self._at_once(features, action, bored, learns=False)

    def at_once(self, inputs: Tensor) -> Tensor:
        """The reward [n, 1] that is expected at once."""
        features, action, _, bored = self._parts(inputs)
        return self._at_once(features, action, bored, learns=True)

    def _parts(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features, action = inputs[:, : self.size], normalize(inputs[:, self.size :], dim=1)
        similar = (features[:, self.state] * action).sum(dim=1, keepdim=True)  # [n, 1]
        bored = (features[:, self.exposure] * action).sum(dim=1, keepdim=True)  # [n, 1]
        return features, action, similar, bored

    def _at_once(self, features: Tensor, action: Tensor, bored: Tensor, *, learns: bool) -> Tensor:
        alpha, beta = torch.exp(LOG_SPEED * self.log_scales)
        liked, shift = alpha * features[:, self.state] + self.liked(features), LOG_SPEED * self.shift
        if not learns:  # but the action may be
            liked, beta, shift = liked.detach(), beta.detach(), shift.detach()
        return torch.sigmoid((liked * action).sum(dim=1, keepdim=True) - beta * torch.relu(bored) - shift)


def near_zero(size: int, outputs: int, hidden: list[int]) -> nn.Sequential:
    """An MLP from `size` to `outputs` values that starts near zero."""
    layers = create_mlp(size, outputs, hidden)
    nn.init.normal_(layers[-1].weight, std=0.01 / np.sqrt(hidden[-1]))  # type: ignore[arg-type]
    nn.init.zeros_(layers[-1].bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers)
