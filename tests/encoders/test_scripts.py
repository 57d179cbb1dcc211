import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.encoders import scripts
from recloop.encoders.scripts import script_shares


def test_the_examples_in_the_docstring_hold() -> None:
    assert doctest.testmod(scripts) == (0, 2)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Heat (1995)", "latin"),
        ("盗火线", "cjk"),
        ("Сталкер", "cyrillic"),
        ("فيلم", "arabic"),
        ("סרט", "hebrew"),
        ("영화", "hangul"),
        ("\uff28\uff45\uff41\uff54", "latin"),
    ],
)
def test_a_text_in_one_script_has_all_of_its_share(text: str, script: str) -> None:
    assert script_shares(text) == {script: 1.0}


def test_a_chinese_character_weighs_as_much_as_three_latin_letters() -> None:
    assert script_shares("电影 Heat!") == {"cjk": 6 / 10, "latin": 4 / 10}


@pytest.mark.parametrize("text", ["", "1995", "🎬🍿", "?!"])
def test_a_text_without_letters_is_in_no_script(text: str) -> None:
    assert script_shares(text) == {}


@given(st.text())
def test_shares_of_any_text_sum_to_one_or_there_are_none(text: str) -> None:
    shares = script_shares(text)
    assert not shares or sum(shares.values()) == pytest.approx(1)
