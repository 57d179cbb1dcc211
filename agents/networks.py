"""The item-vector head: a value for every item from what has been read of it."""

import numpy as np
import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import Tensor, nn

from recloop.agents.policy import ItemSpace

LOG_SPEED = 10.0
"""The head's scalars are LOG_SPEED * parameter, or its exponential: ten times as quick as the weights of the MLP."""

SHIFT = 5.0
"""Initial log odds that a score must overcome; the clicks teach the right one."""


class ItemHead(nn.Module):
    """One value for each item: a click model for what comes at once, and a linear term for what comes later.

        score[a] = alpha * <state, e_a> - beta * max(0, <exposure, e_a>) + delta * quality_a + <f(observation), e_a>
        value[a] = sigmoid(score[a] - shift) + <g(observation), e_a>

    alpha, beta and delta are learned through their logarithms; f and g are MLPs into item space that start near zero. So an untrained
    agent recommends what is similar and not boring, what it learns of one item it knows of its neighbours, and a new item or a new
    catalog needs no new weights: the items are not part of the `state_dict`.

    Without the sigmoid, scores must bend to fit chances that saturate at 0, and learn too small a price of boredom. What showing an
    item costs later, boredom with its like, is linear in its vector.

    Args:
        items: what is known of the items.
        observation_size: length of an observation.
        hidden: widths of the hidden layers that f and g share.
        scales: initial alpha, beta and delta.
        extra: further outputs of the shared layers, the critic's for instance.
    """

    vectors: Tensor
    quality: Tensor

    def __init__(
        self, items: ItemSpace, observation_size: int, hidden: list[int], scales: tuple[float, float, float], extra: int = 0
    ) -> None:
        super().__init__()
        self.state, self.exposure = items.layout["state"], items.layout["exposure"]
        self.dim = items.vectors.shape[1]
        self.register_buffer("vectors", torch.as_tensor(items.vectors), persistent=False)  # [num_items, dim]
        self.register_buffer("quality", torch.as_tensor(items.quality), persistent=False)  # [num_items]
        self.log_scales = nn.Parameter(torch.log(torch.tensor(scales)) / LOG_SPEED)
        self.shift = nn.Parameter(torch.tensor(SHIFT / LOG_SPEED))
        layers = create_mlp(observation_size, 2 * self.dim + extra, hidden)
        nn.init.normal_(layers[-1].weight, std=0.01 / np.sqrt(hidden[-1]))  # type: ignore[arg-type]
        nn.init.zeros_(layers[-1].bias)  # type: ignore[arg-type]
        self.queries = nn.Sequential(*layers)

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Values [n, num_items] of observations [n, size], and the extra outputs [n, extra]."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        now = torch.addcmul(now, alpha, observation[:, self.state])  # [n, dim]
        bored = torch.relu(observation[:, self.exposure] @ self.vectors.T)  # [n, num_items]
        score = torch.addmm(delta * self.quality - LOG_SPEED * self.shift, now, self.vectors.T)  # [n, num_items]
        return torch.addmm(torch.sigmoid(torch.addcmul(score, -beta, bored)), later, self.vectors.T), extra

    def of(self, observation: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The values [n] of the actions taken [n] without those of all others, and the extra outputs [n, extra]."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        taken = self.vectors[actions]  # [n, dim]
        bored = torch.relu((observation[:, self.exposure] * taken).sum(1))
        score = ((now + alpha * observation[:, self.state]) * taken).sum(1) - beta * bored + delta * self.quality[actions]
        return torch.sigmoid(score - LOG_SPEED * self.shift) + (later * taken).sum(1), extra
