"""The item-vector head: scores of all items from what has been read of them."""

import numpy as np
import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import Tensor, nn

from recloop.agents.policy import ItemSpace

LOG_SPEED = 10.0
"""The head's scales are exp(LOG_SPEED * parameter): always positive, and ten times as quick as the MLP's weights."""


class ItemScores(nn.Module):
    """One score for each item:

        score[a] = alpha * <state, e_a> - beta * max(0, <exposure, e_a>) + delta * quality_a + <f(observation), e_a>

    alpha, beta and delta are learned through their logarithms, f is an MLP into item space that starts near zero. So an
    untrained agent recommends what is similar and not boring, what it learns of one item it knows of its neighbours, and
    a new item or a new catalog needs no new weights: the items are not part of the `state_dict`.

    Args:
        items: what is known of the items.
        observation_size: length of an observation.
        hidden: widths of f's hidden layers.
        alpha: initial weight of similarity.
        beta: initial weight of boredom.
        delta: initial weight of quality.
    """

    vectors: Tensor
    quality: Tensor

    def __init__(
        self, items: ItemSpace, observation_size: int, hidden: list[int], alpha: float, beta: float, delta: float
    ) -> None:
        super().__init__()
        self.state, self.exposure = items.layout["state"], items.layout["exposure"]
        self.register_buffer("vectors", torch.as_tensor(items.vectors), persistent=False)  # [num_items, dim]
        self.register_buffer("quality", torch.as_tensor(items.quality), persistent=False)  # [num_items]
        self.log_scales = nn.Parameter(torch.log(torch.tensor([alpha, beta, delta])) / LOG_SPEED)
        layers = create_mlp(observation_size, items.vectors.shape[1], hidden)
        nn.init.normal_(layers[-1].weight, std=0.01 / np.sqrt(hidden[-1]))  # type: ignore[arg-type]
        nn.init.zeros_(layers[-1].bias)  # type: ignore[arg-type]
        self.query = nn.Sequential(*layers)

    def forward(self, observation: Tensor) -> Tensor:
        """Scores [n, num_items] of observations [n, size]."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        query = torch.addcmul(self.query(observation), alpha, observation[:, self.state])  # [n, dim]
        bored = torch.relu(observation[:, self.exposure] @ self.vectors.T)  # [n, num_items]
        liked = torch.addmm(delta * self.quality, query, self.vectors.T)  # [n, num_items]
        return torch.addcmul(liked, -beta, bored)

    def of(self, observation: Tensor, actions: Tensor) -> Tensor:
        """The scores [n] of the actions taken, [n], without those of all others."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        taken = self.vectors[actions]  # [n, dim]
        query = self.query(observation) + alpha * observation[:, self.state]
        bored = torch.relu((observation[:, self.exposure] * taken).sum(1))
        scores: Tensor = (query * taken).sum(1) - beta * bored + delta * self.quality[actions]
        return scores
