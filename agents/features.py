"""What networks read of an observation."""

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from recloop.agents.policy import readable


class SessionFeatures(BaseFeaturesExtractor):
    """The observation without item numbers, and the product of its `state` and `exposure` blocks behind it.

    How bored a user is of what they like is a sum of these products, which an MLP finds hard to make from the blocks
    alone.

    Args:
        observation_space: of one user.
        layout: where the blocks stand.
    """

    def __init__(self, observation_space: spaces.Box, layout: dict[str, slice]) -> None:
        self.state, self.exposure = layout["state"], layout["exposure"]
        self.size = readable(layout)
        super().__init__(observation_space, self.size + self.state.stop - self.state.start)

    def forward(self, observation: Tensor) -> Tensor:
        """Features [n, size + dim] of observations, of which the first `size` values are read."""
        products = observation[:, self.state] * observation[:, self.exposure]  # [n, dim]
        return torch.cat([observation[:, : self.size], products], dim=1)


def reading(layout: dict[str, slice]) -> dict[str, Any]:
    """Arguments of a stable-baselines3 policy that reads `SessionFeatures`."""
    return {"features_extractor_class": SessionFeatures, "features_extractor_kwargs": {"layout": layout}}
