"""What may be recommended now, as the observation says."""

import torch
from torch import Tensor

from recloop.agents.policy import ItemSpace

MASKED = -1e9
"""The value of what may not be recommended: far below any other, and finite, so that entropies and losses are too."""


class Offers:
    """Reads the blocks of an observation that hold item numbers: `candidates` and `shown` (see `ItemSpace`).

    Args:
        items: what is recommended.
    """

    def __init__(self, items: ItemSpace) -> None:
        self.blocks = {name: items.layout.get(name) for name in ("candidates", "shown")}
        self.num_items = len(items.vectors)

    def candidates(self, observation: Tensor) -> Tensor | None:
        """The items [n, k] among which actions are positions; None where actions are items."""
        block = self.blocks["candidates"]
        return None if block is None else observation[:, block].long()

    def items(self, observation: Tensor, actions: Tensor) -> Tensor:
        """The items of actions, [n] or [n, m]."""
        candidates = self.candidates(observation)
        if candidates is None:
            return actions
        return candidates.gather(1, actions.reshape(len(actions), -1)).reshape(actions.shape)

    def open_among(self, values: Tensor, observation: Tensor, actions: Tensor) -> Tensor:
        """The values [n, k] of some actions [n, k], as in `open`."""
        block = self.blocks["shown"]
        if block is None or self.blocks["candidates"] is not None:
            return values
        shown = observation[:, block].long()  # [n, length]
        return values.masked_fill((actions[:, :, None] == shown[:, None]).any(dim=2), MASKED)

    def open(self, values: Tensor, observation: Tensor) -> Tensor:
        """The values [n, actions], MASKED where an item may not be shown again; candidates always may be shown."""
        block = self.blocks["shown"]
        if block is None or self.blocks["candidates"] is not None:
            return values
        shown = observation[:, block].long()  # [n, length], -1 for none
        none = shown.new_tensor(self.num_items)
        mask = torch.zeros(len(values), self.num_items + 1, dtype=torch.bool, device=values.device)
        mask.scatter_(1, torch.where(shown < 0, none, shown), True)
        return values.masked_fill(mask[:, :-1], MASKED)
