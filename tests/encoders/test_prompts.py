import doctest
import math

import pytest

from recloop.encoders import prompts
from recloop.encoders.prompts import HistoryPrompt, ItemPrompt, ProfilePrompt

HEAT = {"title": "Heat", "year": 1995, "genres": ["Action", "Crime"]}
TECHNICIAN = "A 24-year-old technician."


def test_the_examples_in_the_docstrings_hold() -> None:
    failed, tried = doctest.testmod(prompts)
    assert (failed, tried) == (0, 9)


def test_a_template_may_use_any_attribute_and_any_language() -> None:
    assert ItemPrompt("Film de {director} : {title}")(HEAT | {"director": "Mann"}) == "Film de Mann : Heat"


@pytest.mark.parametrize("value", [None, "", " ", math.nan, []])
def test_an_attribute_without_content_names_item_and_attribute(value: object) -> None:
    with pytest.raises(ValueError, match="item 'Heat' has no 'year', which the template"):
        ItemPrompt()(HEAT | {"year": value})


def test_an_absent_attribute_names_item_and_attribute() -> None:
    with pytest.raises(ValueError, match="item 'Heat' has no 'director'"):
        ItemPrompt("{title} by {director}")(HEAT)


@pytest.mark.parametrize("template", ["{title.__class__}", "{title[0]}", "{0}", "{}", "{title!r}", "{year:.{digits}f}"])
def test_a_template_reaches_nothing_but_attributes(template: str) -> None:
    with pytest.raises(ValueError, match="plain name of an attribute"):
        ItemPrompt(template)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "Heat."),
        ({"director": "Mann"}, "Heat by Mann."),
        ({"director": " ", "cast": ["Pacino", "De Niro"]}, "Heat with Pacino, De Niro."),
        ({"director": "Mann", "cast": "Pacino [sic]"}, "Heat by Mann with Pacino [sic]."),
    ],
)
def test_a_part_in_brackets_is_left_out_where_an_attribute_is_missing(known: dict[str, object], text: str) -> None:
    assert ItemPrompt("{title}[ by {director}][ with {cast}].")(HEAT | known) == text


@pytest.mark.parametrize(
    "template", ["{title} [", "{title}]", "{title} [film]", "[{title} [by {director}]]", "[] {title}"]
)
def test_brackets_that_leave_nothing_out_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="has brackets that hold no field, or no end"):
        ItemPrompt(template)


def test_a_template_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"template '\{title' cannot be read"):
        ProfilePrompt("{title")


@pytest.mark.parametrize(
    ("next_words", "article"),
    [
        ("24-year-old", "A"),
        ("8-year-old", "An"),
        ("11-year-old", "An"),
        ("18-year-old", "An"),
        ("81-year-old", "An"),
        ("110-year-old", "A"),
        ("artist", "An"),
        ("engineer", "An"),
        ("unemployed nurse", "An"),
        ("university teacher", "A"),
        ("European", "A"),
        ("technician", "A"),
    ],
)
def test_the_article_suits_the_next_word(next_words: str, article: str) -> None:
    assert ProfilePrompt("A {who}.")({"who": next_words}) == f"{article} {next_words}."


def test_a_profile_without_an_occupation_names_it() -> None:
    with pytest.raises(ValueError, match="has no 'occupation'"):
        ProfilePrompt()({"age": 24, "gender": "female"})


@pytest.mark.parametrize(
    ("enjoyed", "skipped", "text"),
    [
        (["Heat"], ["Fargo", "Alien"], f"{TECHNICIAN} Recently enjoyed: Heat. Skipped: Fargo, Alien."),
        (["Heat"], [], f"{TECHNICIAN} Recently enjoyed: Heat."),
        ([], ["Heat"], f"{TECHNICIAN} Skipped: Heat."),
        ([], [], TECHNICIAN),
    ],
)
def test_a_history_leaves_empty_parts_out(enjoyed: list[str], skipped: list[str], text: str) -> None:
    assert HistoryPrompt()(TECHNICIAN, enjoyed, skipped) == text


def test_a_history_tells_the_latest_of_each_kind() -> None:
    prompt = HistoryPrompt(max_items=2)
    assert prompt("", ["a", "b", "c"], ["d", "e", "f"]) == "Recently enjoyed: b, c. Skipped: e, f."


def test_the_newest_come_first_where_that_is_asked_for() -> None:
    prompt = HistoryPrompt(max_items=2, newest_first=True)
    assert prompt("", ["a", "b", "c"], ["d", "e", "f"]) == "Recently enjoyed: c, b. Skipped: f, e."


def test_what_was_skipped_is_left_out_where_it_is_not_to_be_told() -> None:
    prompt = HistoryPrompt(tells_skipped=False)
    assert prompt(TECHNICIAN, ["Heat"], ["Fargo"]) == f"{TECHNICIAN} Recently enjoyed: Heat."
    assert prompt("", [], ["Fargo"]) == prompt.stranger


def test_a_stranger_is_still_a_text() -> None:
    assert HistoryPrompt()("", [], []) == "Somebody of whom nothing is known yet."


def test_titles_with_braces_are_told_as_they_are() -> None:
    assert HistoryPrompt()("", ["{titles}"], []) == "Recently enjoyed: {titles}."


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_items is 0"):
        HistoryPrompt(max_items=0)


@pytest.mark.parametrize("template", ["Liked.", "{title}", "{titles} {other}"])
def test_a_history_part_needs_its_titles(template: str) -> None:
    with pytest.raises(ValueError, match="needs the one field"):
        HistoryPrompt(enjoyed=template)
