"""From a vector in item space to an item: the nearest ones are looked up, and a critic chooses among them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from recloop.agents.policy import Floats, Ints, ItemSpace


class Nearest:
    """The Wolpertinger policy (Dulac-Arnold et al., 2015): of the k items nearest to what the actor says, the best

        a = argmax over the k items of highest <proto, e_a> that may be shown, of worth(observation, e_a)

    What is said in the end is the vector of an item, which is what the environment shows.

    Args:
        items: what is known of the items.
        k: how many are looked up, at most those that may be shown whatever was; with 1 no critic is asked.

    Raises:
        ValueError: nothing looks items up.
    """

    def __init__(self, items: ItemSpace, k: int) -> None:
        if items.nearest is None:
            raise ValueError("nothing looks up the items nearest to a vector; give ItemSpace.nearest")
        self.look_up, self.vectors = items.nearest, items.vectors
        self.shown = items.layout.get("shown", slice(0, 0))
        self.k = min(k, items.always_open)

    def __call__(self, observation: Tensor, proto: Tensor, worth: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The vectors [n, dim] of the items chosen for `proto` [n, dim].

        Args:
            observation: [n, size].
            proto: what the actor says.
            worth: values [m] of vectors [m, dim] on observations [m, size].
        """
        found = self.items(observation.cpu().numpy(), proto.cpu().numpy())  # [n, k]
        vectors = torch.from_numpy(self.vectors[found]).to(proto.device)  # [n, k, dim]
        if self.k == 1:
            return vectors[:, 0]
        values = worth(observation.repeat_interleave(self.k, dim=0), vectors.flatten(0, 1)).view(-1, self.k)
        return vectors[torch.arange(len(vectors)), values.argmax(dim=1)]

    def items(self, observation: Floats, proto: Floats) -> Ints:
        """The k items nearest to `proto` [n, dim] that may be shown, best first, [n, k]."""
        shown = observation[:, self.shown]  # [n, length], -1 for none
        found = self.look_up(proto, self.k + shown.shape[1])  # [n, k + length]
        again = (found[:, :, None] == shown[:, None]).any(axis=2)
        order = np.argsort(again, axis=1, kind="stable")[:, : self.k]
        return np.take_along_axis(found, order, axis=1)
