"""What networks read of an observation."""

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from recloop.agents.attentive_state import AttentiveState
from recloop.agents.learned_state import LearnedState
from recloop.agents.policy import ItemSpace, readable
from recloop.agents.recurrent_state import RecurrentState


class SessionFeatures(BaseFeaturesExtractor):
    """The observation without item numbers, and the product of its `state` and `exposure` blocks behind it.

    How bored a user is of what they like is a sum of these products, which an MLP finds hard to make from the blocks
    alone.

    Args:
        observation_space: of one user.
        layout: where the blocks stand.
        learned: arguments of `learned_state`, where the `state` block is one that learns from the session.
    """

    def __init__(
        self, observation_space: spaces.Box, layout: dict[str, slice], learned: dict[str, Any] | None = None
    ) -> None:
        self.state, self.exposure = layout["state"], layout["exposure"]
        self.size = readable(layout)
        super().__init__(observation_space, self.size + self.state.stop - self.state.start)
        self.learned = None if learned is None else learned_state(observation_space, **learned)

    def forward(self, observation: Tensor) -> Tensor:
        """Features [n, size + dim] of observations, of which the first `size` values are read."""
        if self.learned is not None:
            observation = self.learned(observation)
        products = observation[:, self.state] * observation[:, self.exposure]  # [n, dim]
        return torch.cat([observation[:, : self.size], products], dim=1)


def reading(layout: dict[str, slice], learned: dict[str, Any] | None = None) -> dict[str, Any]:
    """Arguments of a stable-baselines3 policy that reads `SessionFeatures`."""
    arguments = {"layout": layout} if learned is None else {"layout": layout, "learned": learned}
    return {"features_extractor_class": SessionFeatures, "features_extractor_kwargs": arguments}


def stated(state: str, items: ItemSpace, scales: tuple[float, ...]) -> dict[str, Any] | None:
    """Arguments of `learned_state`; None for "observed", where the `state` block is read as it is."""
    return None if state == "observed" else {"state": state, "items": items, "scales": scales}


def learned_state(
    observation_space: spaces.Box, state: str, items: ItemSpace, scales: tuple[float, ...]
) -> LearnedState:
    """The state of that name."""
    kinds: dict[str, type[LearnedState]] = {"recurrent": RecurrentState, "attention": AttentiveState}
    kind = kinds[state]
    return kind(observation_space, items, scales)


def check_state(state: str, head: str) -> None:
    """Refuse a learned state where nothing reads it.

    Raises:
        ValueError: so.
    """
    if head == "mlp" and state != "observed":
        raise ValueError(f"state is {state!r}, which takes the item head; choose head=item or state=observed")


def refuse_numbers(items: ItemSpace) -> None:
    """Keep item numbers from networks that would read them as values.

    Raises:
        ValueError: the observation holds some.
    """
    if "recent" in items.layout:
        raise ValueError("head is 'mlp', which would read item numbers as values; choose env/observation=pooled")
