"""The item-vector head: a value for every item from what has been read of it."""

import numpy as np
import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import Tensor, nn
from torch.nn.functional import embedding

from recloop.agents.policy import ItemSpace

LOG_SPEED = 10.0
"""The head's scalars are LOG_SPEED * parameter, or its exponential: ten times as quick as the weights of the MLP."""

SHIFT = 5.0
"""Initial log odds that a score must overcome; the clicks teach the right one."""


class ItemHead(nn.Module):
    """One value for each item: a click model for what comes at once, and a linear term for what comes later.

        score[a] = alpha * <state, e_a> - beta * max(0, <exposure, e_a>) + delta * quality_a + <f(observation), e_a>
        value[a] = sigmoid(score[a] - shift) - price * <state, e_a> + <g(observation), e_a>

    alpha, beta and delta are learned through their logarithms, price and shift as they are; f and g are MLPs into
    item space that start near zero. So an untrained agent recommends what is similar and not boring, what it learns
    of one item it knows of its neighbours, and a new item or a new catalog needs no new weights: the items are not
    part of the `state_dict`.

    Without the sigmoid, scores must bend to fit chances that saturate at 0, and learn too small a price of boredom.
    What showing an item costs later, boredom with its like, is linear in its vector, and highest for a user's
    favourites: hence the price.

    Args:
        items: what is known of the items.
        observation_size: length of an observation.
        hidden: widths of the hidden layers that f and g share.
        scales: initial alpha, beta and delta; the price starts at 0.
        extra: further outputs of the shared layers, the critic's for instance.
    """

    vectors: Tensor
    quality: Tensor

    def __init__(
        self, items: ItemSpace, observation_size: int, hidden: list[int], scales: tuple[float, ...], extra: int = 0
    ) -> None:
        super().__init__()
        self.state, self.exposure = items.layout["state"], items.layout["exposure"]
        self.dim = items.vectors.shape[1]
        self.register_buffer("vectors", torch.as_tensor(items.vectors), persistent=False)  # [num_items, dim]
        self.register_buffer("quality", torch.as_tensor(items.quality), persistent=False)  # [num_items]
        self.log_scales = nn.Parameter(torch.log(torch.tensor(scales)) / LOG_SPEED)
        self.price = nn.Parameter(torch.zeros(()))
        self.shift = nn.Parameter(torch.tensor(SHIFT / LOG_SPEED))
        layers = create_mlp(observation_size, 2 * self.dim + extra, hidden)
        nn.init.normal_(layers[-1].weight, std=0.01 / np.sqrt(hidden[-1]))  # type: ignore[arg-type]
        nn.init.zeros_(layers[-1].bias)  # type: ignore[arg-type]
        self.queries = nn.Sequential(*layers)

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Values [n, num_items] of observations [n, size], and the extra outputs [n, extra]."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        later = torch.addcmul(later, -LOG_SPEED * self.price, observation[:, self.state])  # [n, dim]
        now = torch.addcmul(now, alpha, observation[:, self.state])  # [n, dim]
        bored = torch.relu(observation[:, self.exposure] @ self.vectors.T)  # [n, num_items]
        score = torch.addmm(delta * self.quality - LOG_SPEED * self.shift, now, self.vectors.T)  # [n, num_items]
        return torch.addmm(torch.sigmoid(torch.addcmul(score, -beta, bored)), later, self.vectors.T), extra

    def among(self, observation: Tensor, candidates: Tensor | None) -> tuple[Tensor, Tensor]:
        """Values of the `candidates` [n, k] alone, [n, k], or of all items; and the extra outputs [n, extra]."""
        if candidates is None:
            found: tuple[Tensor, Tensor] = self(observation)
            return found
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        state, exposure = observation[:, self.state], observation[:, self.exposure]
        later = torch.addcmul(later, -LOG_SPEED * self.price, state)  # [n, dim]
        asked = torch.stack([torch.addcmul(now, alpha, state), exposure, later], dim=2)  # [n, dim, 3]
        liked, bored, spared = torch.bmm(embedding(candidates, self.vectors), asked).unbind(2)  # [n, k] each
        score = liked + delta * self.quality[candidates] - LOG_SPEED * self.shift
        return torch.sigmoid(torch.addcmul(score, -beta, torch.relu(bored))) + spared, extra

    def of(self, observation: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the actions taken [n] are worth at once [n] and later [n], and the extra outputs [n, extra]."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        later = torch.addcmul(later, -LOG_SPEED * self.price, observation[:, self.state])  # [n, dim]
        taken = self.vectors[actions]  # [n, dim]
        bored = torch.relu((observation[:, self.exposure] * taken).sum(1))
        liked = ((now + alpha * observation[:, self.state]) * taken).sum(1) + delta * self.quality[actions]
        at_once = torch.sigmoid(liked - beta * bored - LOG_SPEED * self.shift)
        return at_once, (later * taken).sum(1), extra
