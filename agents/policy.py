"""What plays: anything that turns observations into actions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


NUMBERS = ("recent", "answers", "shown", "candidates")
"""The blocks of an observation that hold item numbers, and the answers to them."""


def readable(layout: dict[str, slice]) -> int:
    """How many values of an observation, from its beginning, may be read as numbers; item numbers follow."""
    return int(max(block.stop for name, block in layout.items() if name not in NUMBERS))


class Policy(Protocol):
    """As in stable-baselines3, so that its models are policies too."""

    def predict(
        self,
        observation: Floats,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Ints, Any]:
        """Actions [n] for observations [n, size], and the policy's own state for the next call."""


@dataclass(frozen=True, eq=False)
class ItemSpace:
    """What an agent knows of its actions: it recommends items, and this is what it has read of them.

    Args:
        vectors: unit vectors in the space of the observation's `state` block, [num_items, dim].
        quality: how well liked each item is in the logs, log odds above the average, [num_items].
        popularity: share of the logged interactions, [num_items].
        layout: where the blocks of an observation stand; `state` and `exposure` are needed. Some are item numbers:
            `recent`, shown last, oldest first, -1 for none, with the `answers` to them; `shown` in this session, where
            none of them may be recommended again; and `candidates`, where actions are positions among them.
        slate: items recommended at once.
        slots: which items may stand at each position of a slate, [slate, num_items]; None for any.
        nearest: the k items of the highest inner product with each query [n, dim], best first, [n, k]; None where
            nothing looks them up.
        says: what an action is: "item", the position among "candidates", or a vector in item space, "proto".
    """

    vectors: Floats
    quality: Floats
    popularity: Floats
    layout: dict[str, slice]
    slate: int = 1
    slots: NDArray[np.bool_] | None = None
    nearest: Callable[[Floats, int], Ints] | None = None
    says: str = "item"

    def __post_init__(self) -> None:
        """The head needs both blocks, as long as an item vector."""
        for name in ("state", "exposure"):
            block = self.layout.get(name)
            dim = self.vectors.shape[1]
            if block is None or block.stop - block.start != dim:
                raise ValueError(
                    f"the observation's {name!r} block is {block}; it needs the {dim} values of an item vector"
                )

    @property
    def repeats(self) -> bool:
        """Whether an item may be recommended again in the same session."""
        return "shown" not in self.layout

    @property
    def num_actions(self) -> int:
        """Among how many items an agent chooses."""
        block = self.layout.get("candidates")
        return len(self.vectors) if block is None else block.stop - block.start

    @property
    def always_open(self) -> int:
        """How many of these may be recommended whatever has been shown."""
        block = self.layout.get("shown")
        closed = 0 if block is None or "candidates" in self.layout else block.stop - block.start
        return self.num_actions - closed
