"""A trained agent that recommends to real people, of whom somebody tells."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from omegaconf import DictConfig

from recloop.agents.policy import Floats, Ints
from recloop.encoders.encoder import Encoder
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.hearing import Hearing
from recloop.encoders.projection import Projection
from recloop.experiments.errors import UsageError
from recloop.experiments.people import Person
from recloop.experiments.reading import blaming
from recloop.experiments.served import Served, served
from recloop.experiments.store import stored
from recloop.experiments.told import Told, understood

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from recloop.agents.policy import ItemSpace
    from recloop.agents.ranking import Ranking
    from recloop.envs.shortlist import Shortlist

INDEXED_FROM = 100_000
"""Items from which on a shortlist is looked up; of fewer, all are valued."""


class Recommendation(NamedTuple):
    """One item for one person."""

    item: int
    title: str
    score: float  # the agent's value of it: a logit of PPO, a Q-value of DQN


class Recommender:
    """Sees people, of whom somebody tells, as the agent saw its users in training, and recommends by its own values.

    recommender = Recommender.load(Path("runs/train/2026-11-22_22-24-30-67ebc9"))
    recommender.recommend("A 24-year-old male student.", ["Heat", "Alien"], k=3)

    Args:
        items: what can be recommended.
        told: from what is told of people to what the agent sees.
        ranking: the trained agent's.
    """

    def __init__(self, items: Served, told: Told, ranking: "Ranking") -> None:
        self.items, self.told, self.ranking = items, told, ranking

    @staticmethod
    def load(folder: Path) -> "Recommender":
        """The agent of the run in `folder`, of which nothing is unpickled or run.

        Raises:
            UsageError: naming the file or key, what is wrong with it and the remedy.
        """
        from recloop.experiments.build import deployed, instantiate
        from recloop.experiments.reevaluate import changed, projection_of, put_weights
        from recloop.experiments.setting import item_space
        from recloop.experiments.stored import read_run
        from recloop.experiments.transfer import learner

        run = read_run(folder)
        if run.is_suite:
            raise UsageError(f"{folder}: holds several agents; name one of the folders in {folder / 'cells'}")
        cfg = changed(run, [])
        there = deployed(cfg) if cfg.get("deploy") is not None else cfg
        items = served(cfg, projection_of(run))
        texts = Texts(cfg, items.projection)
        told = Told(there, items, texts, texts.hear)
        with blaming("agent"):
            model = learner(instantiate(cfg.agent, "agent"), told.task, run.seed, cfg.device)
        put_weights(run, model)
        return Recommender(items, told, ranking(model, item_space(told.task)))

    @property
    def num_items(self) -> int:
        """How many items can be recommended."""
        return self.items.items.num_items

    def recommend(
        self,
        profile: str = "",
        history: Sequence[str] = (),
        context: Mapping[str, str] | None = None,
        k: int = 10,
        *,
        skipped: Sequence[str] = (),
        feedback: str = "",
        repeats: bool = False,
        free_text: bool = False,
    ) -> list[Recommendation]:
        """The `k` best items for one person, best first.

        Args:
            profile: who it is, in words like those of the users that the agent has learned from.
            history: titles of what they liked, oldest first.
            context: time and device, for agents that see them: {"time": "18:30", "device": "phone"}.
            k: how many.
            skipped: titles of what they were shown of late and did not take, oldest first.
            feedback: what they wrote of what was recommended: "too dark for me, something funnier?".
            repeats: whether what is in `history` and `skipped` may be recommended.
            free_text: whether what is no title in the catalog is read as a text, instead of refused.

        Raises:
            UsageError: naming the value and the remedy.
        """
        person = Person("", profile, history, skipped, context or {}, feedback)
        return self.recommend_many([person], k, repeats=repeats, free_text=free_text)[0]

    def recommend_many(
        self, people: Sequence[Person], k: int = 10, *, repeats: bool = False, free_text: bool = False
    ) -> list[list[Recommendation]]:
        """The `k` best items for everybody; see `recommend`."""
        if not people:
            return []
        mentioned = understood(people, self.items, free_text=free_text)
        without = [np.empty(0, np.int64) if repeats else mentioned.items(row) for row in range(len(people))]
        return self.best(self.told.observe(people, mentioned), k, without)

    def recommend_states(
        self, states: Floats, k: int = 10, without: Sequence[Ints] | None = None
    ) -> list[list[Recommendation]]:
        """The `k` best items for users whose states [n, dim] are known, to whom nothing was shown yet.

        Args:
            states: unit vectors in the space of the agent's items.
            k: how many.
            without: items not to recommend to each, [n][any]; None for none.

        Raises:
            UsageError: the agent sees more of users than that.
        """
        return self.best(self.told.arrived(states), k, without or [np.empty(0, np.int64)] * len(states))

    def best(self, observations: Floats, k: int, without: Sequence[Ints]) -> list[list[Recommendation]]:
        """The `k` best items for each of observations [n, size], none of those in `without` [n][any]."""
        left = self.num_items - max(len(items) for items in without)
        if not 1 <= k <= left:
            raise UsageError(f"k is {k}, but there are {left} items to recommend; ask for 1 to that many")
        try:
            found, values = self.ranking.best(observations, k, without)
        except ValueError as error:
            raise UsageError(str(error)) from error
        titles = self.items.items.titles
        return [
            [Recommendation(item, titles[item], score) for item, score in zip(row, scores, strict=True)]
            for row, scores in zip(found.tolist(), values.tolist(), strict=True)
        ]


def ranking(model: "BaseAlgorithm", items: "ItemSpace") -> "Ranking":
    """As the agent says what it recommends; of many items, it values those of a shortlist.

    Raises:
        UsageError: the agent values no items.
    """
    from recloop.agents.ranking import Among, Exhaustive, Nearest, Retrieved, has_values, head_of

    if items.says == "proto":
        return Nearest(model, items)
    if not has_values(model):
        raise UsageError("agent: recommends without values that items could be ranked by; name a run of PPO or DQN")
    if items.says == "candidates":
        return Among(model, items.layout["candidates"])
    if len(items.vectors) < INDEXED_FROM or items.slots is not None or head_of(model) is None:
        return Exhaustive(model, items.slots)
    return Retrieved(model, items, _shortlist(model, items))


def _shortlist(model: "BaseAlgorithm", items: "ItemSpace") -> "Shortlist":
    """Of what the item head of `model` looks items up by, kept in the cache folder."""
    from recloop.agents.ranking import features, quality_weight
    from recloop.envs.shortlist import Shortlist

    def write(path: Path) -> dict[str, int]:
        Shortlist.of(features(model, items)).save(path)
        return {"num_items": len(items.vectors)}

    with blaming("recommend"):
        known = {name: hashlib.sha256(getattr(items, name).data).hexdigest() for name in ("vectors", "quality")}
        key = fingerprint(shortlist=2, weight=quality_weight(model), **known)
        return Shortlist.load(stored("shortlists", key, write).path)


class Texts:
    """Reads the texts of people, one or a few at once; the language model is loaded when it first reads.

    Args:
        cfg: the configuration of the run.
        projection: to the agent's space.
    """

    def __init__(self, cfg: DictConfig, projection: Projection) -> None:
        self.cfg, self.projection = cfg, projection

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors [n, dim]."""
        with blaming("encoder"):
            return self.projection(self._encoder.encode(texts))

    def in_batches(self, texts: Sequence[str]) -> Floats:
        """The same vectors but for rounding, [n, dim], of many texts in less time."""
        with blaming("encoder"):
            return self.projection(self._batching.encode(texts))

    def hear(self, texts: Sequence[str]) -> Floats:
        """How far each of `texts`, that people wrote of recommendations, moves a state before any gain, [n, dim]."""
        with blaming("feedback"):
            return self._hearing(texts)

    @cached_property
    def _hearing(self) -> Hearing:
        return Hearing.of(self._encoder.encode, self.projection)

    @cached_property
    def _encoder(self) -> Encoder:
        return by_single_texts(self._batching)

    @cached_property
    def _batching(self) -> Encoder:
        from recloop.experiments.setting import encoder_of

        return encoder_of(self.cfg)


def by_single_texts(encoder: Encoder) -> Encoder:
    """The encoder, which for one text reads that text alone, and not a batch of the usual size around it.

    Its vectors are the same but for rounding.
    """
    from recloop.encoders.transformer import Transformer

    return replace(encoder, batch_tokens=1) if isinstance(encoder, Transformer) else encoder
