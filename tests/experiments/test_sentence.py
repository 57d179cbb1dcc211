"""Explanations in words."""

import pytest

from recloop.experiments.explanation import Explanation, Part, Without
from recloop.experiments.sentence import ordinal, sentence


def explained(*parts: Part, rank: int | None = 1, without: tuple[Without, ...] = ()) -> Explanation:
    return Explanation(0, "Aliens", sum(part.total for part in parts), rank, parts, without)


def test_what_speaks_for_it_comes_first_then_what_speaks_against_it_then_what_would_be() -> None:
    found = explained(
        Part("liked", "Alien", 5.0, 1.0),
        Part("liked", "Heat", 3.0, 0.0),
        Part("word", "engineer.", 1.0, 0.0),
        Part("item", "", 1.0, 0.0),
        Part("skipped", "Fargo", -2.0, 0.0),
        Part("same", "", 9.0, 0.0),
        without=(Without("liked", "Alien", 14), Without("liked", "Heat", 3), Without("profile", "", 99)),
    )
    assert sentence(found) == (
        "“Aliens” ranks 1st because you liked “Alien” and “Heat”, your profile says “engineer.” and it does well with "
        "everybody, although you passed over “Fargo”. Without “Alien” it would rank 14th."
    )


def test_what_adds_next_to_nothing_is_not_worth_a_word_and_what_changes_nothing_neither() -> None:
    found = explained(
        Part("liked", "Alien", 6.0, 0.0),
        Part("liked", "Heat", 0.1, 0.0),
        Part("skipped", "Fargo", -0.1, 0.0),
        without=(Without("liked", "Alien", 1),),
    )
    assert sentence(found) == "“Aliens” ranks 1st because you liked “Alien”."


def test_where_nothing_speaks_for_it_that_is_said() -> None:
    found = explained(Part("liked", "Heat", -3.0, 0.0), Part("same", "", 1.0, 0.0), rank=812)
    assert sentence(found) == "“Aliens” ranks 812th, and nothing that is told of you speaks for it."


def test_of_an_item_far_below_it_says_what_speaks_for_it_and_what_against() -> None:
    found = explained(
        Part("liked", "Alien", 1.0, 0.0),
        Part("liked", "Heat", -3.0, 0.0),
        Part("skipped", "Fargo", -1.0, 0.0),
        rank=812,
    )
    assert sentence(found) == (
        "“Aliens” ranks 812th; for it speaks that you liked “Alien”, against it that you liked “Heat” and you passed "
        "over “Fargo”."
    )


def test_a_long_phrase_is_named_by_its_ends() -> None:
    found = explained(Part("word", "old silent films " * 100 + "end", 1.0, 0.0))
    assert sentence(found) == (
        "“Aliens” ranks 1st because your profile says “old silent films old silent fi … ilent films end”."
    )


def test_what_is_no_candidate_any_more_is_said() -> None:
    found = explained(Part("liked", "Alien", 6.0, 0.0), without=(Without("liked", "Alien", None),))
    assert sentence(found).endswith("Without “Alien” it would be no candidate.")
    assert sentence(found._replace(rank=None)) == "“Aliens” is no candidate; for it speaks that you liked “Alien”."


@pytest.mark.parametrize(
    ("rank", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (1113, "1,113th")],
)
def test_ranks_are_said_as_in_english(rank: int, word: str) -> None:
    assert ordinal(rank) == word
