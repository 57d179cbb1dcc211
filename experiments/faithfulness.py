"""Whether the parts of an explanation are what moves the agent: deletion and insertion curves.

What is known of a person is taken away one part at a time, in the order of what each is said to add to the best item,
and the agent is asked again (deletion; Samek et al., 2017); or it is told one part at a time (insertion; Petsiuk et
al., 2018). A faithful order lets the value fall, or rise, at once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recloop.agents.policy import Floats
from recloop.experiments.errors import UsageError
from recloop.experiments.explanation import Explainer
from recloop.experiments.ingredients import Ingredients
from recloop.experiments.people import Person
from recloop.experiments.recommender import Recommender, Texts
from recloop.experiments.shapley import Doubles, Masks
from recloop.experiments.sources import sources_of
from recloop.experiments.statistics import Estimate
from recloop.experiments.svg import MUTED, PALETTE, drawing, to_svg
from recloop.experiments.told import Read, Told, understood

PEOPLE, TITLES = 200, 20
"""Users of the data, with their latest likes."""

_LEAST_TITLES, _RANDOM_ORDERS, _RESAMPLES = 3, 10, 2000
_SHARES = np.linspace(0, 1, 21)
_PARTS, _DIRECT, _LATEST, RANDOM = "what adds most", "what adds most directly", "the latest", "random"


class Curves(NamedTuple):
    """The part of the value that is left of, or reached for, each person's best item, [people, 21].

    0 is the mean value when nothing is told of people, 1 the mean value when everything is; the columns are the share
    of what is known that was taken away, or told.
    """

    deletion: Doubles
    insertion: Doubles


def measure(run: Path, people: int = PEOPLE, seed: int = 0) -> dict[str, Curves]:
    """The curves of users of the data on which the agent of `run` is evaluated, by what is taken first.

    Raises:
        UsageError: the run cannot be explained, or its users like too little.
    """
    recommender = Recommender.load(run)
    rng = np.random.default_rng(seed)
    users = users_of(recommender, people, rng)
    if not users:
        raise UsageError(f"{run}: no user of the data likes {_LEAST_TITLES} items or more; nothing can be taken away")
    told = Told(recommender.told.cfg, recommender.items, _known(recommender, [user.profile for user in users]))
    explainer = Explainer(Recommender(recommender.items, told, recommender.ranking), seed)
    return _scaled([_values(explainer, user, rng) for user in users])


def users_of(recommender: Recommender, people: int, rng: np.random.Generator) -> list[Person]:
    """Some users of the data by what they liked last."""
    from recloop.experiments.setting import Texts as Data

    data = Data.of(recommender.told.cfg)
    liked = data.dataset.interactions.recent_likes(TITLES)  # [num_users, TITLES]
    enough = np.flatnonzero((liked >= 0).sum(axis=1) >= _LEAST_TITLES)
    chosen = rng.permutation(enough)[:people]
    profiles = data.profiles if recommender.told.reads_texts else [""] * len(liked)
    return [
        Person(str(user), profiles[user], [data.dataset.items[item]["title"] for item in liked[user] if item >= 0])
        for user in chosen.tolist()
    ]


def _known(recommender: Recommender, profiles: Sequence[str]) -> Read:
    """Reads those profiles, once and all together."""
    read, texts = recommender.told.read, sorted({each for each in profiles if each.strip()})
    many = read.in_batches if isinstance(read, Texts) else read
    vectors = dict(zip(texts, many(texts), strict=True)) if texts else {}
    return lambda asked: np.stack([vectors[text] for text in asked])


def _values(explainer: Explainer, user: Person, rng: np.random.Generator) -> dict[str, Doubles]:
    """The values of the best item when things are taken away, and when they are told, by order, [2, 21]."""
    mentioned = understood([user], explainer.recommender.items, free_text=False)
    ingredients = Ingredients(explainer.told, user, mentioned)
    observation = explainer.told.observe([user], mentioned)
    best = explainer.recommender.best(observation, 1, [mentioned.items(0)])[0][0].item
    direct, learned = _added(explainer, ingredients, observation[0], best)
    players = np.arange(len(direct))
    orders = [(_PARTS, np.argsort(-direct - learned)), (_DIRECT, np.argsort(-direct)), (_LATEST, players[::-1])]
    orders += [(RANDOM, rng.permutation(players)) for _ in range(_RANDOM_ORDERS)]

    def curve(kept: Masks) -> Doubles:
        seen = np.repeat(observation, len(kept), axis=0)
        seen[:, explainer.items.layout["state"]] = ingredients.states(kept)
        values = explainer.additive.values(seen, np.full((len(kept), 1), best))[:, 0]
        return np.interp(_SHARES, np.linspace(0, 1, len(kept)), values)

    found: dict[str, list[Doubles]] = {}
    for name, order in orders:
        taken = np.argsort(order) < np.arange(len(order) + 1)[:, None]  # [players + 1, players]
        if not ingredients.has_profile:
            taken = np.column_stack([taken, np.zeros(len(taken), bool)])
        found.setdefault(name, []).append(np.stack([curve(~taken), curve(taken)]))
    return {name: np.mean(curves, axis=0) for name, curves in found.items()}


def _added(explainer: Explainer, ingredients: Ingredients, observation: Floats, item: int) -> tuple[Doubles, Doubles]:
    """What each title, and the profile as a whole, adds to the item directly and through the network, [players]."""
    rng = np.random.default_rng(explainer.seed)
    of_item, *sources = sources_of(ingredients, explainer.additive, observation, None, rng)
    assert of_item.kind == "item"
    addends = explainer.additive.addends(observation, np.array([item]))
    vectors = explainer.items.vectors[[item]].astype(np.float64)
    told = [source for source in sources if source.kind in ("liked", "profile")]
    direct, learned = np.array([source.added(addends, vectors) for source in told])[:, :, 0].T
    return direct, learned


def _scaled(values: Sequence[Mapping[str, Doubles]]) -> dict[str, Curves]:
    """All curves on one scale, from the mean value when nothing is told to that when everything is."""
    everything = np.mean([one[RANDOM][0, 0] for one in values])
    nothing = np.mean([one[RANDOM][0, -1] for one in values])
    found = {}
    for name in values[0]:
        curves = (np.stack([one[name] for one in values]) - nothing) / (everything - nothing)  # [people, 2, 21]
        found[name] = Curves(curves[:, 0], curves[:, 1])
    return found


def area(curves: Doubles) -> Doubles:
    """Mean height of each curve, [people]."""
    return np.asarray(np.trapezoid(curves, _SHARES, axis=1))


def better_than_random(curves: Mapping[str, Curves], name: str, seed: int = 0) -> tuple[Estimate, Estimate]:
    """By how much less is left after deletions than at random, and how much more is there after insertions.

    Means over people, who are the same in both, with 95 % bootstrap intervals.
    """
    rng = np.random.default_rng(seed)
    own, random = curves[name], curves[RANDOM]
    return (
        _mean(area(random.deletion) - area(own.deletion), rng),
        _mean(area(own.insertion) - area(random.insertion), rng),
    )


def _mean(differences: Doubles, rng: np.random.Generator) -> Estimate:
    people = len(differences)
    drawn = differences[rng.integers(people, size=(_RESAMPLES, people))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Estimate(float(differences.mean()), low, high)


def draw(curves: Mapping[str, Curves]) -> str:
    """Both kinds of curves, means over people, as an SVG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    with drawing("faithfulness"):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, kind, verb in zip(panels, Curves._fields, ("taken away", "told"), strict=True):
            for colour, (name, own) in zip([*PALETTE[2:5], MUTED], curves.items(), strict=True):
                axes.plot(
                    _SHARES, getattr(own, kind).mean(axis=0), color=colour, label=name if kind == "deletion" else None
                )
            axes.set_title(kind)
            axes.set_xlabel(f"share of what is known that is {verb}")
            axes.xaxis.set_major_formatter(PercentFormatter(1))
            axes.margins(x=0)
        panels[0].set_ylabel("value of the best item (1: all known, 0: nothing)")
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        return to_svg(figure, "faithfulness", "Deletion and insertion curves of explanations")
