"""States that learn from the session: what the answers of the latest steps say of the user's taste."""

from abc import abstractmethod
from typing import NamedTuple

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from recloop.agents.networks import LOG_SPEED, SHIFT
from recloop.agents.policy import ItemSpace

HALF_LIFE_STEPS = 5.0
"""Of exposure, as it is assumed at first; the answers teach the right one."""

GAIN = 3.0
"""Strength of an impression, as it is assumed at first."""


class Steps(NamedTuple):
    """The items shown last with the answers to them, oldest first; rows begin with steps that never were."""

    vectors: Tensor  # [n, length, dim] zeros for none
    quality: Tensor  # [n, length]
    answers: Tensor  # [n, length] 1 clicked, 0 not
    known: Tensor  # [n, length] 1 where something was shown, else 0


class LearnedState(BaseFeaturesExtractor):
    """The observation with another `state` block: taste, as it is inferred from the answers of the session.

        state'   = inferred from common + trust * state and from the latest (item, answer)
        score[a] = alpha <state', e_a> - beta max(0, <exposure, e_a>) + delta quality_a - shift

    It learns from answers alone, to be surprised by them as little as may be (`surprise`); the agent learns from
    returns, and its gradient ends here. Hence a click model of its own: alpha, beta, delta, trust and the growth of
    exposure are learned through their logarithms. Trust below 1 says that what was known at arrival is not all, and
    draws scores to the average; `common` is what people like of whose past nothing is believed. Items are looked up by
    row and are not part of the `state_dict`, so that another catalog needs no new weights.

    Args:
        observation_space: of one user.
        items: what is known of the items.
        scales: initial alpha, beta and delta.

    Raises:
        ValueError: the observation does not tell what was shown last, or whole slates are shown.
    """

    vectors: Tensor
    quality: Tensor

    def __init__(self, observation_space: spaces.Box, items: ItemSpace, scales: tuple[float, ...]) -> None:
        if "recent" not in items.layout:
            raise ValueError(
                "the observation has no 'recent' block to learn a state from; choose env/observation=session, or "
                "agent.state=observed"
            )
        if items.slate > 1:
            raise ValueError(
                f"states learn from answers to one item, not to {items.slate}; choose agent.state=observed"
            )
        super().__init__(observation_space, observation_space.shape[0])
        self.layout, self.dim = items.layout, items.vectors.shape[1]
        self.register_buffer("vectors", torch.as_tensor(items.vectors), persistent=False)  # [num_items, dim]
        self.register_buffer("quality", torch.as_tensor(items.quality), persistent=False)  # [num_items]
        decay = torch.tensor(0.5 ** (1 / HALF_LIFE_STEPS))
        self.log_scales = nn.Parameter(torch.log(torch.tensor(scales)) / LOG_SPEED)
        self.shift = nn.Parameter(torch.tensor(SHIFT / LOG_SPEED))
        self.log_trust = nn.Parameter(torch.zeros(()))
        self.common = nn.Parameter(torch.zeros(self.dim))
        self.decay = nn.Parameter(torch.logit(decay) / LOG_SPEED)
        self.log_impression = nn.Parameter(torch.log((1 - decay) * GAIN) / LOG_SPEED)

    def forward(self, observation: Tensor) -> Tensor:
        """The observation with the inferred state, [n, size], for who learns from returns."""
        with torch.no_grad():
            return self.inferred(observation)

    def inferred(self, observation: Tensor) -> Tensor:
        """The observation with the inferred state, [n, size]."""
        block = self.layout["state"]
        prior = self.common + observation[:, block] * torch.exp(LOG_SPEED * self.log_trust)
        state = self.infer(prior, self.steps(observation))  # [n, dim]
        return torch.cat([observation[:, : block.start], state, observation[:, block.stop :]], dim=1)

    def steps(self, observation: Tensor) -> Steps:
        """The latest steps, without those that never were in any row."""
        items = observation[:, self.layout["recent"]].long()  # [n, recent]
        never = items.shape[1] - int((items >= 0).sum(dim=1).max())
        items, answers = items[:, never:], observation[:, self.layout["answers"]][:, never:]  # [n, length]
        known, rows = (items >= 0).float(), items.clamp(min=0)
        return Steps(self.vectors[rows] * known[:, :, None], self.quality[rows], answers, known)

    @abstractmethod
    def infer(self, prior: Tensor, steps: Steps) -> Tensor:
        """The state [n, dim], where `prior` [n, dim] was believed at arrival."""

    def scores(self, liked: Tensor, exposed: Tensor, quality: Tensor) -> Tensor:
        """Log odds of clicks, of <state, e>, <exposure, e> and the quality of items, alike."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        score: Tensor = alpha * liked - beta * torch.relu(exposed) + delta * quality - LOG_SPEED * self.shift
        return score

    def fading(self) -> tuple[Tensor, Tensor]:
        """What is kept of exposure in a step, and what an item adds to it."""
        return torch.sigmoid(LOG_SPEED * self.decay), torch.exp(LOG_SPEED * self.log_impression)

    def surprise(self, observation: Tensor, items: Tensor, rewards: Tensor) -> Tensor:
        """Mean cross-entropy of the rewards [n] of `items` [n], held to [0, 1]: clicks, or how probable they were."""
        inferred, vectors = self.inferred(observation), self.vectors[items]  # [n, size], [n, dim]
        liked, exposed = ((inferred[:, self.layout[name]] * vectors).sum(dim=1) for name in ("state", "exposure"))
        scores = self.scores(liked, exposed, self.quality[items])
        return binary_cross_entropy_with_logits(scores, rewards.clamp(0, 1))
