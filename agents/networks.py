"""The item-vector head: a value for every item from what has been read of it."""

import numpy as np
import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import Tensor, nn
from torch.nn import functional

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
        score, later, extra = self._read(observation)
        return torch.addmm(torch.sigmoid(score), later, self.vectors.T), extra

    def apart(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of items less the shift, what items are worth later, [n, num_items] each, and the extra outputs."""
        score, later, extra = self._read(observation)
        return score, later @ self.vectors.T, extra

    def _read(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores less the shift [n, num_items], the query of what comes later [n, dim], and the extra outputs."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        later = torch.addcmul(later, -LOG_SPEED * self.price, observation[:, self.state])  # [n, dim]
        now = torch.addcmul(now, alpha, observation[:, self.state])  # [n, dim]
        bored = torch.relu(observation[:, self.exposure] @ self.vectors.T)  # [n, num_items]
        score = torch.addmm(delta * self.quality - LOG_SPEED * self.shift, now, self.vectors.T)  # [n, num_items]
        return torch.addcmul(score, -beta, bored), later, extra

    def among(self, observation: Tensor, candidates: Tensor | None) -> tuple[Tensor, Tensor]:
        """Values of the `candidates` [n, k] alone, [n, k], or of all items; and the extra outputs [n, extra]."""
        if candidates is None:
            found: tuple[Tensor, Tensor] = self(observation)
            return found
        at_once, later, extra = self.of(observation, candidates)
        return at_once + later, extra

    def of(self, observation: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What some actions [n, k] are worth at once [n, k] and later [n, k], and the extra outputs [n, extra]."""
        score, later, extra = self.apart_of(observation, actions)
        return torch.sigmoid(score), later, extra

    def apart_of(self, observation: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `apart`, of some actions [n, k] only."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        now, later, extra = self.queries(observation).tensor_split((self.dim, 2 * self.dim), dim=1)
        state, exposure = observation[:, self.state], observation[:, self.exposure]
        later = torch.addcmul(later, -LOG_SPEED * self.price, state)  # [n, dim]
        queries = torch.stack([torch.addcmul(now, alpha, state), later, exposure], dim=1)  # [n, 3, dim]
        vectors = functional.embedding(actions, self.vectors)  # [n, k, dim]
        liked, later, exposed = (queries @ vectors.transpose(1, 2)).unbind(1)  # [n, k] each
        score = torch.addcmul(liked, delta, self.quality[actions]) - LOG_SPEED * self.shift
        return torch.addcmul(score, -beta, torch.relu(exposed)), later, extra
