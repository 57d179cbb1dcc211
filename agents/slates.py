"""Slates drawn from the values of items."""

import math
from collections.abc import Callable
from typing import Self

import torch
from stable_baselines3.common.distributions import CategoricalDistribution
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from recloop.agents.policy import ItemSpace


class PlackettLuce(CategoricalDistribution):
    """A slate of different items, drawn from the top, each in proportion to what is left (Plackett, 1975; Luce, 1959)

        P(a_1 ... a_k) = prod_j exp(l_{a_j}) / sum of exp(l_i) over the items i that are left and may stand at j

    with one logit l_i an item, so that a slate costs no more weights than an item.

    Args:
        items: what is recommended, `items.slate` at once.
    """

    def __init__(self, items: ItemSpace) -> None:
        super().__init__(items.num_actions)
        self.slate = items.slate
        self.slots = None if items.slots is None else torch.as_tensor(items.slots)  # [slate, num_items]

    def proba_distribution_net(self, latent_dim: int) -> nn.Module:
        """Nothing: the item head takes its place."""
        return nn.Identity()

    def proba_distribution(self, action_logits: Tensor) -> Self:
        """Take logits [n, num_items]."""
        self.logits = action_logits
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Of slates [n, slate], [n]."""
        slates = actions.long().reshape(len(self.logits), self.slate)
        left, total = self.logits, torch.zeros(len(slates), device=self.logits.device)
        for position, item in enumerate(slates.unbind(1)):
            taken = item[:, None]
            total = total + log_softmax(self._fitting(left, position), dim=1).gather(1, taken)[:, 0]
            left = left.scatter(1, taken, -math.inf)
        return total

    def entropy(self) -> Tensor | None:  # type: ignore[override]
        """None: stable-baselines3 estimates it by -log_prob."""
        return None

    def sample(self) -> Tensor:
        """A random slate a row, [n, slate]."""
        return self._fill(lambda left: torch.multinomial(left.softmax(dim=1), 1))

    def mode(self) -> Tensor:
        """The most probable item at each position, given those above it, [n, slate]."""
        return self._fill(lambda left: left.argmax(dim=1, keepdim=True))

    def _fill(self, choose: Callable[[Tensor], Tensor]) -> Tensor:
        """Choose for each position one of the items left, from their logits [n, num_items]."""
        left, chosen = self.logits, []
        for position in range(self.slate):
            item = choose(self._fitting(left, position))  # [n, 1]
            left = left.scatter(1, item, -math.inf)
            chosen.append(item)
        return torch.cat(chosen, dim=1)

    def _fitting(self, left: Tensor, position: int) -> Tensor:
        """The logits [n, num_items] without those of items that may not stand at `position`."""
        if self.slots is None:
            return left
        return left.masked_fill(~self.slots[position].to(left.device), -math.inf)
