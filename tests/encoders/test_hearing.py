"""Sentences as steps, with an encoder whose vectors are known."""

import doctest
from collections.abc import Sequence

import numpy as np
import pytest

from recloop.encoders import hearing
from recloop.encoders.controls import OneHot
from recloop.encoders.encoder import Vectors
from recloop.encoders.hearing import DISLIKING, LIKING, Hearing, clauses
from recloop.encoders.projection import Projection
from recloop.encoders.vectors import unit_rows

READ: list[list[str]] = []


def encode(texts: Sequence[str]) -> Vectors:
    """Two coordinates of content, dark and funny, and one of sentiment, which anchors have alone."""
    READ.append(list(texts))
    rows = []
    for text in texts:
        mood = 1.0 if text in LIKING or "rather" in text else -1.0 if text in DISLIKING or "too" in text else 0.2
        rows.append([float("dark" in text), float("funny" in text), mood])
    vectors = np.array(rows)
    return unit_rows(vectors)


@pytest.fixture
def heard() -> Hearing:
    READ.clear()
    return Hearing.of(encode, Projection(np.zeros(3, np.float32), np.eye(3, dtype=np.float32)[:2]))


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(hearing) == (0, 1)


def test_the_direction_of_sentiment_lies_between_the_anchors(heard: Hearing) -> None:
    np.testing.assert_allclose(heard.direction, [0, 0, 1], atol=1e-6)
    assert (heard.middle, heard.half) == pytest.approx((0, 1))


def test_a_text_steps_away_from_what_is_disliked_and_towards_what_is_wished_for(heard: Hearing) -> None:
    np.testing.assert_allclose(heard(["too dark for me, rather funny!"]), [[-1, 1]], atol=1e-6)


def test_sentiment_weighs_content(heard: Hearing) -> None:
    weight = 3 * 0.2 / np.hypot(1, 0.2)  # of a mood of 0.2 beside a content of 1, before they are scaled
    np.testing.assert_allclose(heard(["dark"]), [[weight, 0]], rtol=1e-5)


def test_all_clauses_of_all_texts_are_read_in_one_call(heard: Hearing) -> None:
    READ.clear()
    heard(["too dark, rather funny", "dark"])
    assert READ == [["too dark", "rather funny", "dark"]]


@pytest.mark.parametrize("text", ["", " ", "?!...", "🙂", "()"])
def test_a_text_without_words_moves_nothing(heard: Hearing, text: str) -> None:
    np.testing.assert_array_equal(heard([text, "too dark"])[0], [0, 0])


def test_a_model_to_which_all_sentences_are_alike_hears_nothing() -> None:
    ids = OneHot().over(["film A", "film B"])
    np.testing.assert_array_equal(
        Hearing.of(ids.encode, Projection.identity(ids.dim))(["too dark for me"]), [[0, 0, 0]]
    )


def test_chinese_signs_end_clauses_too() -> None:
    assert clauses("太暗了\uff0c想看喜剧\u3002") == ["太暗了", "想看喜剧"]
