"""Why an agent recommends an item to a person: what each thing that is known adds to the item's value."""

from typing import NamedTuple

import numpy as np

from recloop.agents.addends import Additive
from recloop.agents.policy import Floats, Ints
from recloop.experiments.errors import UsageError
from recloop.experiments.ingredients import Ingredients
from recloop.experiments.people import Person
from recloop.experiments.recommender import Recommender, Texts
from recloop.experiments.shapley import Doubles
from recloop.experiments.sources import Kind, Source, sources_of
from recloop.experiments.told import Mentioned, understood

WITHOUT = 3
"""Titles of the history that are left out, one at a time, to say where the item would rank."""


class Part(NamedTuple):
    """What one thing adds to the value of an item."""

    kind: Kind
    what: str  # the title or the words
    direct: float  # by the terms that the head is written as: similarity, boredom, quality
    learned: float  # by the network

    @property
    def total(self) -> float:
        """Both together."""
        return self.direct + self.learned


class Without(NamedTuple):
    """Where the item would rank if something had not been told."""

    kind: Kind
    what: str
    rank: int | None  # None where it would be no candidate


class Explanation(NamedTuple):
    """Why an item ranks where it does."""

    item: int
    title: str
    value: float  # the agent's own, as `recloop recommend` has it
    rank: int | None
    parts: tuple[Part, ...]  # whose totals sum to the value
    without: tuple[Without, ...]


class Explainer:
    """Explains what a recommender recommends.

    explainer = Explainer(Recommender.load(Path("runs/train/2026-11-22_22-24-30-67ebc9")))
    explainer.explain(Person(history=["Heat", "Alien"]))

    Args:
        recommender: whose agent has an item head.
        seed: of the orders in which Shapley values of many players are sampled.

    Raises:
        UsageError: the agent has another head.
    """

    def __init__(self, recommender: Recommender, seed: int = 0) -> None:
        from recloop.agents.ranking import Among, Exhaustive, Retrieved
        from recloop.experiments.setting import item_space

        if not isinstance(recommender.ranking, Exhaustive | Retrieved | Among):
            raise UsageError("agent: says a vector and takes what lies near it; explain a run of PPO or DQN")
        self.recommender, self.told, self.seed = recommender, recommender.told, seed
        self.model, self.items = recommender.ranking.model, item_space(recommender.told.task)
        try:
            self.additive = Additive(self.model, self.items)
        except ValueError as error:
            raise UsageError(f"agent: {error}") from error

    def explain(
        self, person: Person, k: int = 1, *, item: str | None = None, free_text: bool = False
    ) -> list[Explanation]:
        """Why the `k` best items are recommended to `person`, or why the one called `item` ranks where it does.

        Raises:
            UsageError: naming the value and the remedy.
        """
        row = None if item is None else self._row(item)
        mentioned = understood([person], self.recommender.items, free_text=free_text)
        ingredients = Ingredients(self.told, person, mentioned)
        observation = self.told.observe([person], mentioned)
        excluded = mentioned.items(0)
        if row is None:
            found = [each.item for each in self.recommender.best(observation, k, [excluded])[0]]
        else:
            found, excluded = [row], np.setdiff1d(excluded, [row])
        parts = self.parts(ingredients, observation[0], np.array(found))
        return [
            Explanation(
                item=number,
                title=self.recommender.items.items.titles[number],
                value=float(sum(part.total for part in own)),
                rank=self._rank(observation[0], number, excluded),
                parts=own,
                without=self._without(person, mentioned, own, number, excluded),
            )
            for number, own in zip(found, parts, strict=True)
        ]

    def _row(self, title: str) -> int:
        row = self.recommender.items.titles.find(title)
        if row is None or row >= self.recommender.num_items:
            nearest = " or ".join(repr(each) for each in self.recommender.items.titles.nearest(title))
            remedy = f"did you mean {nearest}?" if nearest else "give a title as the catalog has it"
            raise UsageError(f"--item: nothing to recommend is called {title[:80]!r}; {remedy}")
        return row

    def parts(self, ingredients: Ingredients, observation: Floats, items: Ints) -> list[tuple[Part, ...]]:
        """What the values of `items` [k] are the sums of, for the person whom the agent sees as `observation` [size].

        They are ordered by what they add, most first; what is the same for every item comes last.
        """
        rng, read = np.random.default_rng(self.seed), self.told.read
        many = read.in_batches if isinstance(read, Texts) else read
        sources = sources_of(ingredients, self.additive, observation, many, rng)
        addends = self.additive.addends(observation, items)
        vectors = self.items.vectors[items].astype(np.float64)  # [k, dim]
        added = np.array([source.added(addends, vectors) for source in sources])  # [sources, 2, k]
        same = Part("same", "", addends.base, 0.0)
        return [
            (*sorted(_parts(sources, added[:, :, place]), key=lambda part: -part.total), same)
            for place in range(len(items))
        ]

    def _rank(self, observation: Floats, item: int, excluded: Ints) -> int | None:
        """Its place among what may be recommended, from 1; None where it may not be."""
        from recloop.agents.ranking import terms_of

        (terms,) = terms_of(self.model, observation[None])
        values = terms.values(self.items.vectors, self.items.quality)
        allowed = np.ones(len(values), bool)
        if (offered := self.items.layout.get("candidates")) is not None:
            allowed[:] = False
            allowed[observation[offered].astype(np.int64)] = True
        allowed[excluded] = False
        return 1 + int((values[allowed] > values[item]).sum()) if allowed[item] else None

    def _without(
        self, person: Person, mentioned: Mentioned, parts: tuple[Part, ...], item: int, excluded: Ints
    ) -> tuple[Without, ...]:
        """Without the titles that speak most for the item, without the profile, and without what was skipped."""
        titles = [part.what for part in parts if part.kind == "liked" and part.total > 0][:WITHOUT]
        told = [_less(person, mentioned, kind, what) for kind, what in _left_out(person, titles)]
        some = [each for each in told if each.person.profile or each.mentioned.histories[0]]
        return tuple(
            Without(
                each.kind, each.what, self._rank(self.told.observe([each.person], each.mentioned)[0], item, excluded)
            )
            for each in some
        )


class _Less(NamedTuple):
    """A person of whom something is not told."""

    kind: Kind
    what: str
    person: Person
    mentioned: Mentioned


def _parts(sources: list[Source], added: Doubles) -> list[Part]:
    """Of one item: what the sources add to it, [sources, 2]."""
    return [Part(source.kind, source.what, *figures) for source, figures in zip(sources, added.tolist(), strict=True)]


def _left_out(person: Person, titles: list[str]) -> list[tuple[Kind, str]]:
    found: list[tuple[Kind, str]] = [("liked", title) for title in titles]
    if person.profile.strip():
        found.append(("profile", ""))
    if person.skipped:
        found.append(("session", ""))
    return found


def _less(person: Person, mentioned: Mentioned, kind: Kind, what: str) -> _Less:
    """Without a title of the history, however often it is there; without the profile; without what was skipped."""
    if kind == "profile":
        person = person._replace(profile="")
    elif kind == "session":
        mentioned = mentioned._replace(skipped=[[]])
    else:
        left = [place for place in mentioned.histories[0] if mentioned.titles[place] != what]
        mentioned = mentioned._replace(histories=[left])
    return _Less(kind, what, person, mentioned)
