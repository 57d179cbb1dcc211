"""Why an agent recommends what it does: the parts of its values."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recloop.agents.policy import Floats
from recloop.agents.ranking import values_of_all
from recloop.experiments.errors import UsageError
from recloop.experiments.explanation import Explainer, Explanation
from recloop.experiments.ingredients import Ingredients
from recloop.experiments.people import Person
from recloop.experiments.sentence import sentence
from recloop.experiments.told import understood
from tests.experiments import tiny
from tests.experiments.untrained import shaken, untrained

WORDS = ("A", "24-year-old", "male", "writer", "who", "likes", "old", "films.")


@pytest.fixture(scope="module", params=[tiny.PPO, tiny.DQN], ids=["ppo", "dqn"])
def explainer(here: Path, request: pytest.FixtureRequest) -> Explainer:
    """Of an agent of which every weight says something."""
    return Explainer(shaken(untrained(here, agent=request.param)))


def somebody(explainer: Explainer, rng: np.random.Generator) -> Person:
    """Of whom something, anything, is told."""
    titles = explainer.recommender.items.known_titles
    rows = rng.permutation(len(titles))
    history = [titles[row] for row in rows[: rng.integers(1, 14)]]
    skipped = [titles[row] for row in rows[14 : 14 + rng.integers(0, 4)]]
    profile = " ".join(rng.permutation(WORDS)[: rng.integers(0, len(WORDS) + 1)])
    return Person("", profile, history, skipped)


def seen(explainer: Explainer, person: Person) -> tuple[Ingredients, Floats]:
    """What a person is made of, and what the agent sees, [1, size]."""
    mentioned = understood([person], explainer.recommender.items, free_text=False)
    return Ingredients(explainer.told, person, mentioned), explainer.told.observe([person], mentioned)


def test_parts_sum_to_what_the_agent_says_in_a_thousand_cases(explainer: Explainer) -> None:
    rng = np.random.default_rng(0)
    for _ in range(25):
        ingredients, observation = seen(explainer, somebody(explainer, rng))
        items = rng.permutation(tiny.NUM_FILMS)
        said = values_of_all(explainer.model, observation)[0, items]
        sums = [sum(part.total for part in parts) for parts in explainer.parts(ingredients, observation[0], items)]
        np.testing.assert_allclose(sums, said, atol=1e-4)


def test_titles_and_profile_sum_to_the_state_and_what_was_skipped_to_the_exposure(explainer: Explainer) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        ingredients, observation = seen(explainer, somebody(explainer, rng))
        state = ingredients.of_titles.sum(axis=0) + ingredients.of_profile
        np.testing.assert_allclose(state, observation[0, :8], atol=1e-6)
        np.testing.assert_allclose(ingredients.of_skipped.sum(axis=0), observation[0, 8:16], atol=1e-6)


def test_words_sum_to_the_profile(explainer: Explainer) -> None:
    rng = np.random.default_rng(2)
    for length in (1, 3, 8):
        person = Person(profile=" ".join(WORDS[:length]), history=[explainer.recommender.items.known_titles[0]])
        ingredients, _ = seen(explainer, person)
        words, added = ingredients.words(explainer.told.read, rng)
        assert words == list(WORDS[:length])
        np.testing.assert_allclose(added.sum(axis=0), ingredients.of_profile, atol=1e-9)


def test_a_state_without_a_part_is_that_of_somebody_who_never_told_it(explainer: Explainer) -> None:
    rng = np.random.default_rng(3)
    person = somebody(explainer, rng)._replace(profile="A writer.", skipped=())
    ingredients, _ = seen(explainer, person)
    kept = rng.random((20, len(person.history) + 1)) < 0.6
    kept[0], kept[1] = True, [*[False] * len(person.history), True]
    for row, state in zip(kept, ingredients.states(kept), strict=True):
        history = [title for title, is_kept in zip(person.history, row[:-1], strict=True) if is_kept]
        less = person._replace(history=history, profile="A writer." if row[-1] else "")
        if history or less.profile:
            np.testing.assert_allclose(state, seen(explainer, less)[1][0, :8], atol=1e-6)
        else:
            assert not state.any()


def test_what_ranks_first_is_explained_and_without_a_title_it_ranks_where_it_would_be_recommended(
    explainer: Explainer,
) -> None:
    rng = np.random.default_rng(4)
    person = somebody(explainer, rng)._replace(profile="A writer.", skipped=())
    (found,) = explainer.explain(person)
    assert found.rank == 1
    assert found.item == explainer.recommender.recommend(person.profile, person.history, k=1)[0].item
    for each in found.without:
        history = [title for title in person.history if title != each.what]
        profile = "" if each.kind == "profile" else person.profile
        count = tiny.NUM_FILMS - len(history)
        ranked = explainer.recommender.recommend(profile, history, k=count)
        others = [one.item for one in ranked if one.title not in person.history]
        assert each.rank == others.index(found.item) + 1


def test_the_best_few_are_in_order_and_one_may_be_asked_for(explainer: Explainer) -> None:
    person = somebody(explainer, np.random.default_rng(5))
    found = explainer.explain(person, 4)
    assert [each.rank for each in found] == [1, 2, 3, 4]
    asked = explainer.explain(person, item=found[2].title)[0]
    assert asked.rank == 3
    assert [part.what for part in asked.parts] == [part.what for part in found[2].parts]
    assert asked.value == pytest.approx(found[2].value, abs=1e-9)


def test_a_title_of_the_history_may_be_asked_for(explainer: Explainer) -> None:
    person = somebody(explainer, np.random.default_rng(6))
    (found,) = explainer.explain(person, item=person.history[0])
    assert found.title == person.history[0]
    assert found.rank is not None


def names(text: str) -> list[str]:
    """What stands in quotation marks."""
    return re.findall("“([^”]*)”", text)


@pytest.mark.parametrize("people", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_no_sentence_names_what_was_not_attributed(here: Path, people: int) -> None:
    explainer = Explainer(shaken(untrained(here), 0.1))
    titles, rng = set(explainer.recommender.items.known_titles), np.random.default_rng(7)
    said: set[str] = set()
    for _ in range(people):
        for found in explainer.explain(somebody(explainer, rng), 5):
            text = sentence(found)
            assert_faithful(text, found, titles)
            said |= {*re.findall("because|although|Without", text)}
    assert said == {"because", "although", "Without"}


def assert_faithful(text: str, found: Explanation, titles: set[str]) -> None:
    speaks_for = {part.what for part in found.parts if part.total > 0}
    speaks_against = {part.what for part in found.parts if part.total < 0 and part.kind in ("liked", "skipped")}
    first, *named = names(text)
    assert first == found.title
    assert set(named) <= speaks_for | speaks_against
    assert {title for title in titles if title in text} <= {first, *named}
    outside = re.sub("“[^”]*”", "", text)
    assert not {word.strip(".") for word in WORDS[1:] if word != "who"} & set(re.findall(r"[\w-]+", outside))


@pytest.mark.parametrize(
    "words", [("agent.head=mlp",), ("agent=proto_ppo", "env/action=proto")], ids=["plain head", "vectors"]
)
def test_another_head_is_refused(here: Path, words: tuple[str, ...]) -> None:
    recommender = untrained(here, *words[1:], agent=(words[0], *tiny.PPO))
    with pytest.raises(UsageError, match=r"agent: .* PPO or DQN"):
        Explainer(recommender)


def test_a_prompt_is_no_sum(here: Path) -> None:
    explainer = Explainer(untrained(here, "env/observation=prompt"))
    with pytest.raises(UsageError, match="no sum over a history; explain a run with env/observation=pooled"):
        explainer.explain(Person(profile="A writer."))


@pytest.mark.parametrize(
    "words",
    [
        ("env/observation=collaborative", "env/world=ratings", "env.world.space.rank=8"),
        ("env/action=candidates", "env.action.retrieved=8", "env.action.drawn=4"),
        ("env/dynamics=[boredom,daily_rhythm]",),
    ],
    ids=["collaborative", "candidates", "context"],
)
def test_other_settings_are_explained(here: Path, words: tuple[str, ...]) -> None:
    explainer = Explainer(shaken(untrained(here, *words)))
    titles = explainer.recommender.items.known_titles
    context = {"time": "18:30"} if "daily" in words[0] else {}
    profile = "" if "collaborative" in words[0] else "A writer."
    for found in explainer.explain(Person("", profile, titles[:4], titles[5:6], context), 3):
        assert found.value == pytest.approx(value_of(explainer, found, profile, titles, context), abs=1e-4)


def value_of(
    explainer: Explainer, found: Explanation, profile: str, titles: Sequence[str], context: dict[str, str]
) -> float:
    """As it is recommended."""
    said = explainer.recommender.recommend(profile, titles[:4], context, 3, skipped=titles[5:6])
    return next(each.score for each in said if each.item == found.item)
