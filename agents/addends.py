"""What the item head's value of an item is the sum of, for explanations."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from stable_baselines3.common.base_class import BaseAlgorithm

from recloop.agents.networks import LOG_SPEED
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.ranking import head_of, read_by_head

Doubles = NDArray[np.float64]

_STRAIGHT = 1e-6
"""A score so near to 0 that the chord of the sigmoid is its tangent."""


class Addends(NamedTuple):
    """What the parts of one observation add to the values of some items, [k] each, but `base`, which is the same.

        value = base + state * <state, e> + exposure * <exposure, e> + quality + now * <f, e> + later * <g, e>

    where f and g are what the MLPs say of the observation. The head's sigmoid is followed along its chord, from the
    score of an item of which nothing is known to the score of this item:

        sigmoid(score - shift) = sigmoid(-shift) + slope * score

    so that every part of the score gets its proportional share of the click that it helps to. This is what the
    integrated gradients along that straight line, which are its Aumann-Shapley values, come to
    (Sundararajan et al., 2017).
    """

    base: float
    state: Doubles
    exposure: Doubles
    quality: Doubles
    now: Doubles
    later: float


class Additive:
    """The values of a model with an item head, and what they are the sum of.

    Args:
        model: that was trained.
        items: what it recommends.

    Raises:
        ValueError: it has no item head, or reads a state of its own instead of the observed one.
    """

    def __init__(self, model: BaseAlgorithm, items: ItemSpace) -> None:
        head = head_of(model)
        if head is None:
            raise ValueError("its values are no sum of parts; name a run of PPO or DQN with head=item")
        self.model, self.items, self.head = model, items, head
        probe = np.zeros((1, max(block.stop for block in items.layout.values())), np.float32)
        probe[:, items.layout["state"]] = np.linspace(-1, 1, head.dim)
        if not np.array_equal(self._read(probe)[0][:, head.state], probe[:, items.layout["state"]]):
            raise ValueError("it makes a state of its own from the session, which is no sum over a history")

    def values(self, observations: Floats, actions: Ints) -> Doubles:
        """Of items `actions` [n, k], for observations [n, size], as the model ranks them, but for what is the same for
        all items of an observation, [n, k]."""
        head = self.head
        with torch.inference_mode():
            read, scale = self._tensors(observations)
            at_once, later, _ = head.of(read, torch.as_tensor(actions, device=read.device))
            values: Doubles = (scale * (at_once + later)).cpu().double().numpy()
        return values

    def queries(self, observations: Floats) -> Doubles:
        """What the MLPs say of observations [n, size]: f and g, [n, 2, dim]."""
        with torch.inference_mode():
            found: Doubles = self._mlp(self._tensors(observations)[0])[0].cpu().double().numpy()
        return found

    def addends(self, observation: Floats, items: Ints) -> Addends:
        """Of `items` [k], for one observation [size]."""
        head, vectors = self.head, self.items.vectors[items].astype(np.float64)  # [k, dim]
        alpha, beta, delta = np.exp(LOG_SPEED * head.log_scales.detach().double().numpy())
        price, shift = (LOG_SPEED * float(each.detach()) for each in (head.price, head.shift))
        read, scale = self._read(observation[None])
        queries, base = self._of_one(observation)
        liked, exposed = vectors @ read[0, head.state], vectors @ read[0, head.exposure]
        quality = delta * self.items.quality[items]
        score = alpha * liked - beta * np.maximum(exposed, 0) + quality + vectors @ queries[0]  # [k]
        slope = chord(score, shift)
        return Addends(
            base=scale * float(expit(np.float64(-shift))) + base,
            state=scale * (alpha * slope - price),
            exposure=np.where(exposed > 0, -scale * beta * slope, 0.0),
            quality=scale * slope * quality,
            now=scale * slope,
            later=scale,
        )

    def _of_one(self, observation: Floats) -> tuple[Doubles, float]:
        """f and g [2, dim] of an observation, and what DQN takes the state to be worth, whatever is recommended."""
        with torch.inference_mode():
            queries, extra = self._mlp(self._tensors(observation[None])[0])
        return queries[0].cpu().double().numpy(), float(extra.mean()) if extra.shape[1] else 0.0

    def _mlp(self, read: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """f and g [n, 2, dim], and the extra outputs [n, extra]."""
        said, extra = self.head.queries(read).tensor_split((2 * self.head.dim,), dim=1)
        return said.unflatten(1, (2, self.head.dim)), extra

    def _read(self, observations: Floats) -> tuple[Doubles, float]:
        """What the head reads of observations, and what its values are multiplied by."""
        with torch.inference_mode():
            read, scale = self._tensors(observations)
        return read.cpu().double().numpy(), scale

    def _tensors(self, observations: Floats) -> tuple[torch.Tensor, float]:
        policy: Any = self.model.policy
        return read_by_head(policy, observations)


def chord(score: Doubles, shift: float) -> Doubles:
    """The mean slope of the sigmoid from -shift to score - shift, [k].

    (sigmoid(score - shift) - sigmoid(-shift)) / score, and at 0 the slope itself.
    """
    start = expit(np.float64(-shift))
    near = np.abs(score) < _STRAIGHT
    chord = (expit(score - shift) - start) / np.where(near, 1.0, score)
    slope: Doubles = np.where(near, start * (1 - start), chord)
    return slope
