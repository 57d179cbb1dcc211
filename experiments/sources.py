"""Everything that is known of one person, and which way each of it draws the agent in item space."""

from typing import Literal, NamedTuple

import numpy as np

from recloop.agents.addends import Addends, Additive
from recloop.agents.policy import Floats
from recloop.experiments.ingredients import Ingredients
from recloop.experiments.shapley import Doubles, Masks, shapley_values
from recloop.experiments.told import Read

Kind = Literal["liked", "word", "profile", "skipped", "session", "context", "item", "same"]
"""What something is: a title of the history, a word of the profile, the profile as a whole, a title that was skipped,
the session so far, the context, the item itself, whoever is asked, and what is the same for every item."""


class Source(NamedTuple):
    """One thing that is known. What it adds to an item's value is linear in the item's vector, see `Addends`."""

    kind: Kind
    what: str  # the title or the words
    state: Doubles  # [dim] its part of the state
    exposure: Doubles  # [dim] its part of the exposure
    learned: Doubles  # [2, dim] its part of f and g, the network's queries

    def added(self, addends: Addends, vectors: Doubles) -> tuple[Doubles, Doubles]:
        """What it adds to the values of items with those vectors [k, dim]: directly, and through the network, [k]."""
        direct = addends.state * (vectors @ self.state) + addends.exposure * (vectors @ self.exposure)
        if self.kind == "item":
            direct = direct + addends.quality
        now, later = vectors @ self.learned[0], vectors @ self.learned[1]
        return direct, addends.now * now + addends.later * later


def sources_of(
    ingredients: Ingredients, additive: Additive, observation: Floats, read: Read | None, rng: np.random.Generator
) -> list[Source]:
    """All that is known of the person whom the agent sees as `observation` [size].

    Their states sum to the `state` block, their exposures to the `exposure` block, their learned parts to what the
    network says of the observation. The network is no sum; its parts are Shapley values of the game in which the
    titles, the profile, the session and the context are told to it or not. What it says when nothing is told belongs to
    the item itself.

    Args:
        ingredients: of the person.
        additive: the agent's values.
        observation: what the agent sees.
        read: texts to vectors, many at once; None leaves the profile as a whole.
        rng: draws the orders of sampled Shapley values.
    """
    network = _Network(ingredients, additive, observation)
    players = network.players
    learned = shapley_values(network, len(players), rng).reshape(len(players), 2, -1)
    nobody = network(np.zeros((1, len(players)), bool)).reshape(2, -1)
    dim = learned.shape[2]
    zero = np.zeros(dim)
    titles, skipped = ingredients.titles, ingredients.skipped
    found = [Source("item", "", zero, zero, nobody)]
    whole = {"profile": ingredients.of_profile} if read is None else {}
    states = [*ingredients.of_titles, *(whole.get(kind, zero) for kind, _ in players[len(titles) :])]
    for (kind, what), state, own in zip(players, states, learned, strict=True):
        found.append(Source(kind, what, state, zero, own))
    none = np.zeros((2, dim))
    found += [
        Source("skipped", what, zero, exposure, none)
        for what, exposure in zip(skipped, ingredients.of_skipped, strict=True)
    ]
    if read is not None and ingredients.has_profile:
        words, of_words = ingredients.words(read, rng)
        found += [Source("word", word, state, zero, none) for word, state in zip(words, of_words, strict=True)]
    return found


class _Network:
    """The game whose players are told to the network or not."""

    def __init__(self, ingredients: Ingredients, additive: Additive, observation: Floats) -> None:
        self.ingredients, self.additive, self.observation = ingredients, additive, observation
        self.layout = additive.items.layout
        apart: dict[Kind, bool] = {
            "profile": ingredients.has_profile,
            "session": bool(ingredients.skipped),
            "context": "context" in self.layout,
        }
        titles: list[tuple[Kind, str]] = [("liked", title) for title in ingredients.titles]
        self.players = titles + [(kind, "") for kind, is_there in apart.items() if is_there]

    def __call__(self, told: Masks) -> Doubles:
        """f and g when those players are told, [m, 2 * dim]."""
        observations = np.repeat(self.observation[None], len(told), axis=0)
        columns = {kind: told[:, place] for place, (kind, _) in enumerate(self.players) if kind != "liked"}
        never = np.zeros(len(told), bool)
        num_titles = len(self.ingredients.titles)
        kept = np.column_stack([told[:, :num_titles], columns.get("profile", never)])
        observations[:, self.layout["state"]] = self.ingredients.states(kept)
        for kind, blocks in (("session", ("exposure", "situation")), ("context", ("context",))):
            if kind in columns:
                for block in blocks:
                    observations[:, self.layout[block]] *= columns[kind][:, None]
        return self.additive.queries(observations).reshape(len(told), -1)
