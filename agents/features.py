"""What networks read of an observation."""

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor


class SessionFeatures(BaseFeaturesExtractor):
    """The observation, and behind it the product of its `state` and `exposure` blocks, dimension by dimension.

    How bored a user is of what they like is a sum of these products, which an MLP finds hard to make from the blocks
    alone.

    Args:
        observation_space: of one user.
        layout: where the blocks stand.
    """

    def __init__(self, observation_space: spaces.Box, layout: dict[str, slice]) -> None:
        self.state, self.exposure = layout["state"], layout["exposure"]
        super().__init__(observation_space, observation_space.shape[0] + self.state.stop - self.state.start)

    def forward(self, observation: Tensor) -> Tensor:
        """Features [n, size + dim] of observations [n, size]."""
        return torch.cat([observation, observation[:, self.state] * observation[:, self.exposure]], dim=1)


def reading(layout: dict[str, slice]) -> dict[str, Any]:
    """Arguments of a stable-baselines3 policy that reads `SessionFeatures`."""
    return {"features_extractor_class": SessionFeatures, "features_extractor_kwargs": {"layout": layout}}
