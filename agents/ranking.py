"""The best items by a trained model's own values, for recommending outside of a simulation.

What a model values the items at: logits of PPO, Q-values of DQN. Only their order matters, and is that in which the
policy itself prefers the items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor

from recloop.agents.baselines import first_items
from recloop.agents.networks import LOG_SPEED, ItemHead
from recloop.agents.policy import Bools, Floats, Ints, ItemSpace
from recloop.agents.ppo import ItemActorCritic

Find = Callable[[Floats, int], Ints]
"""Looks up, for each of queries [n, dim + 1], `k` items whose features have nearly the highest inner product with it,
[n, k] in any order, -1 for none."""

SAMPLED, LEADING = 2048, 16
"""Items of the sample in which `Retrieved` looks for the direction of what is best, and how many of them count."""

LEAST_SHORTLIST = 600
"""Items that are valued exactly, however few are asked for."""


class Ranking(Protocol):
    """What says which items are best for those who are observed."""

    def best(self, observations: Floats, k: int, without: Sequence[Ints]) -> tuple[Ints, Floats]:
        """Different items, best first, and their values, both [n, k], none of those in `without` [n][any]."""


def values_of_all(model: BaseAlgorithm, observations: Floats) -> Floats:
    """What `model` values every item at, [n, num_items], for observations [n, size]."""
    policy: Any = model.policy
    with torch.inference_mode():
        seen = policy.obs_to_tensor(observations)[0]
        values: Tensor
        if isinstance(policy, DQNPolicy):
            values = policy.q_net(seen)
        elif isinstance(policy, ItemActorCritic):
            values = policy.action_net(policy.extract_features(seen, policy.pi_features_extractor))
        else:
            values = policy.get_distribution(seen).distribution.logits
        return values.cpu().numpy()


@dataclass(frozen=True, eq=False)
class Exhaustive:
    """Every item is valued.

    Args:
        model: that was trained.
        slots: which items may stand in each place, [slate, num_items], again and again below each other; None for any.
    """

    model: BaseAlgorithm
    slots: Bools | None = None

    def best(self, observations: Floats, k: int, without: Sequence[Ints]) -> tuple[Ints, Floats]:
        """See `Ranking.best`."""
        values = values_of_all(self.model, observations).copy()
        for row, items in zip(values, without, strict=True):
            row[items] = -np.inf
        slots = None if self.slots is None else self.slots[np.arange(k) % len(self.slots)]  # [k, num_items]
        found = _first_items(values, k) if slots is None else first_items(values, k, slots)
        return found, np.take_along_axis(values, found, axis=1)


def _first_items(values: Floats, k: int) -> Ints:
    """The `k` items of the highest `values` [n, num_items], best first, of equal ones the first in the catalog."""
    found = np.sort(np.argpartition(-values, k - 1, axis=1)[:, :k], axis=1)
    order = np.argsort(-np.take_along_axis(values, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


@dataclass(frozen=True, eq=False)
class Among:
    """The candidates that are observed are valued, and no other item.

    Args:
        model: that was trained to choose among candidates.
        candidates: where their numbers stand in an observation.
    """

    model: BaseAlgorithm
    candidates: slice

    def best(self, observations: Floats, k: int, without: Sequence[Ints]) -> tuple[Ints, Floats]:
        """See `Ranking.best`.

        Raises:
            ValueError: there are fewer than `k` candidates.
        """
        offered = observations[:, self.candidates].astype(np.int64)  # [n, candidates]
        values = values_of_all(self.model, observations).copy()
        for row, own, items in zip(values, offered, without, strict=True):
            row[np.isin(own, items)] = -np.inf
        if (left := int(np.isfinite(values).sum(axis=1).min())) < k:
            raise ValueError(f"k is {k}, but the agent chooses among {left} candidates; ask for at most that many")
        found = _first_items(values, k)
        return np.take_along_axis(offered, found, axis=1), np.take_along_axis(values, found, axis=1)


@dataclass(frozen=True, eq=False)
class Nearest:
    """The items nearest to the vector that the agent says; their value is the inner product.

    Args:
        model: that was trained to say vectors.
        items: the catalog, with its look-up.
    """

    model: BaseAlgorithm
    items: ItemSpace

    def best(self, observations: Floats, k: int, without: Sequence[Ints]) -> tuple[Ints, Floats]:
        """See `Ranking.best`."""
        assert self.items.nearest is not None
        said = self.model.predict(observations, deterministic=True)[0].astype(np.float32)  # [n, dim]
        found = self.items.nearest(said, min(k + max(map(len, without)), len(self.items.vectors)))
        best = np.stack([own[~np.isin(own, items)][:k] for own, items in zip(found, without, strict=True)])
        return best, np.einsum("nkd,nd->nk", self.items.vectors[best], said)


class Terms(NamedTuple):
    """The item head for one observation; see `ItemHead`.

    value[a] = scale * (sigmoid(<now, e_a> - beta * max(0, <exposure, e_a>) + delta * quality_a - shift)
                        + <later, e_a>) + base
    """

    directions: Floats  # [3, dim] now, exposure, later
    beta: float
    delta: float
    shift: float
    scale: float
    base: float

    def values(self, vectors: Floats, quality: Floats) -> Floats:
        """Of items with these vectors [m, dim] and qualities [m], [m]."""
        now, bored, later = self.directions @ vectors.T
        return self.scale * (self._clicks(now, bored, quality) + later) + self.base  # type: ignore[no-any-return]

    def _clicks(self, now: Floats, bored: Floats, quality: Floats) -> Floats:
        score = now - self.beta * np.maximum(bored, 0) + self.delta * quality - self.shift
        return np.float32(1) / (1 + np.exp(-score.clip(-60, 60)))  # type: ignore[no-any-return]

    def query(self, vectors: Floats, quality: Floats) -> Floats:
        """Mean gradient of the value, by an item's vector and its quality, at the best of some items, [dim + 1].

        Among items like them, values are nearly linear in both, so that the best of all items are found where the
        inner product with this is high.
        """
        now, bored, later = self.directions @ vectors.T  # each [m]
        clicks = self._clicks(now, bored, quality)
        best = np.argpartition(clicks + later, -LEADING)[-LEADING:] if len(later) > LEADING else slice(None)
        slopes = clicks[best] * (1 - clicks[best])
        weights = [slopes.mean(), -self.beta * (slopes * (bored[best] > 0)).mean(), 1.0]
        return np.append(np.array(weights, np.float32) @ self.directions, self.delta * weights[0]).astype(np.float32)


class Retrieved:
    """A shortlist is looked up, then valued exactly, so that the cost does not grow with the catalog.

    The query follows the head: the gradient of the value where it is high. Values are those of the whole head, only
    which items are looked at is approximate.

    Args:
        model: with an item head.
        items: the catalog.
        find: looks up the `features` of the items.
    """

    def __init__(self, model: BaseAlgorithm, items: ItemSpace, find: Find) -> None:
        self.model, self.items, self.find = model, items, find
        self.weight = quality_weight(model)
        rows = np.linspace(0, len(items.vectors) - 1, min(SAMPLED, len(items.vectors))).astype(np.int64)
        self.sample = items.vectors[rows], items.quality[rows]

    def best(self, observations: Floats, k: int, without: Sequence[Ints]) -> tuple[Ints, Floats]:
        """See `Ranking.best`."""
        terms = terms_of(self.model, observations)
        queries = np.stack([each.query(*self.sample) for each in terms])  # [n, dim + 1]
        queries[:, -1] /= max(self.weight, 1e-6)
        size = min(max(LEAST_SHORTLIST, 10 * k) + max(map(len, without)), len(self.items.vectors))
        found = zip(terms, self.find(queries, size), without, strict=True)
        best = [self._best(each, shortlist, k, excluded) for each, shortlist, excluded in found]
        return np.stack([items for items, _ in best]), np.stack([values for _, values in best])

    def _best(self, terms: Terms, shortlist: Ints, k: int, without: Ints) -> tuple[Ints, Floats]:
        left = shortlist[shortlist >= 0]
        if len(without):
            left = left[~np.isin(left, without)]
        if len(left) < k:  # the search has found too few
            left = np.setdiff1d(np.arange(len(self.items.vectors)), without)
        values = terms.values(self.items.vectors[left], self.items.quality[left])
        best = np.argpartition(-values, k - 1)[:k]
        order = best[np.lexsort((left[best], -values[best]))]
        return left[order], values[order]


def head_of(model: BaseAlgorithm) -> ItemHead | None:
    """The item head of `model`; None if it has an output an item instead."""
    policy: Any = model.policy
    head = getattr(getattr(policy, "q_net", None) or getattr(policy, "action_net", None), "head", None)
    return head if isinstance(head, ItemHead) else None


def has_values(model: BaseAlgorithm) -> bool:
    """Whether `model` values items, so that they can be ranked."""
    return isinstance(model.policy, ActorCriticPolicy | DQNPolicy)


def quality_weight(model: BaseAlgorithm) -> float:
    """What an item's quality counts beside its similarity: delta / alpha of the head."""
    head = head_of(model)
    assert head is not None
    alpha, _, delta = torch.exp(LOG_SPEED * head.log_scales.detach()).tolist()
    return float(delta / alpha)


def features(model: BaseAlgorithm, items: ItemSpace) -> Floats:
    """What is looked up: vectors and weighted qualities of the items, [num_items, dim + 1]."""
    found = np.empty((len(items.vectors), items.vectors.shape[1] + 1), np.float32)
    found[:, :-1] = items.vectors
    found[:, -1] = quality_weight(model) * items.quality
    return found


def terms_of(model: BaseAlgorithm, observations: Floats) -> list[Terms]:
    """The item head of `model` for each of the observations [n, size]."""
    head, policy = head_of(model), model.policy
    assert head is not None
    with torch.inference_mode():
        read, scale = read_by_head(policy, observations)
        alpha, beta, delta = torch.exp(LOG_SPEED * head.log_scales).tolist()
        now, later, extra = head.queries(read).tensor_split((head.dim, 2 * head.dim), dim=1)
        state, shift = read[:, head.state], LOG_SPEED * float(head.shift.detach())
        now, later = now + alpha * state, later - LOG_SPEED * head.price * state
        directions = torch.stack([now, read[:, head.exposure], later], dim=1).cpu().numpy()  # [n, 3, dim]
        bases = extra[:, 0].tolist() if extra.shape[1] else [0.0] * len(directions)
    return [Terms(own, beta, delta, shift, scale, base) for own, base in zip(directions, bases, strict=True)]


def read_by_head(policy: Any, observations: Floats) -> tuple[Tensor, float]:
    """What the head reads of the observations, and what its values are multiplied by."""
    seen = policy.obs_to_tensor(observations)[0]
    if isinstance(policy, DQNPolicy):
        return policy.extract_features(seen, policy.q_net.features_extractor), 1.0
    sharpness = torch.exp(LOG_SPEED * policy.action_net.log_sharpness)
    read: Tensor = policy.extract_features(seen, policy.pi_features_extractor)
    return read[:, : policy.action_net.readable], float(sharpness)
