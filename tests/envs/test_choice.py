"""How slates are answered: by hand, then what holds for any slate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recloop.envs.catalog import Floats
from recloop.envs.choice import Cascade, Choice, Click, MultinomialLogit, PositionBias

CHOICES = (MultinomialLogit(3, 2.0, 0.1), Cascade(3, 0.8, 2.0, 0.1), PositionBias(3, 1.0, 2.0, 0.1))
LOG_2 = float(np.log(2))


def rows(*values: float) -> Floats:
    return np.array([values], np.float32)


def chances(choice: Choice, *log_odds: float) -> Floats:
    """Of a slate whose items have these log odds."""
    nothing = np.zeros((1, len(log_odds)), np.float32)
    chance: Floats = choice.answer(nothing, nothing, rows(*log_odds), nothing)[0][0]
    return chance


def test_the_multinomial_logit_weighs_items_against_each_other_and_nothing() -> None:
    choice = MultinomialLogit(2, scale=1.0, offset=0.0)
    np.testing.assert_allclose(chances(choice, 0.0, LOG_2), [1 / 4, 2 / 4], rtol=1e-6)


def test_a_cascade_goes_on_after_what_did_not_attract() -> None:
    choice = Cascade(3, persistence=0.5, scale=1.0, offset=0.0)  # attractions 1/2, 1/3, 1/2
    expected = [1 / 2, 0.5 * 1 / 2 * 1 / 3, 0.25 * 1 / 2 * 2 / 3 * 1 / 2]
    np.testing.assert_allclose(chances(choice, 0.0, -LOG_2, 0.0), expected, rtol=1e-5)


def test_position_bias_divides_by_the_position() -> None:
    choice = PositionBias(3, steepness=1.0, scale=1.0, offset=0.0)
    np.testing.assert_allclose(chances(choice, 0.0, 0.0, -LOG_2), [1 / 2, 1 / 4, 1 / 9], rtol=1e-6)


def test_a_slate_of_one_is_a_click() -> None:
    rng = np.random.default_rng(0)
    affinity, cost, quality = rng.normal(size=(3, 50)).astype(np.float32)
    noise = rng.random(50, np.float32)
    expected = Click(2.0, 0.1).answer(affinity, cost, quality, noise)
    slates: tuple[Choice, ...] = (
        MultinomialLogit(1, 2.0, 0.1),
        Cascade(1, 0.9, 2.0, 0.1),
        PositionBias(1, 1.0, 2.0, 0.1),
    )
    for choice in slates:
        answer = choice.answer(affinity[:, None], cost[:, None], quality[:, None], noise[:, None])
        for one, other in zip(answer, expected, strict=True):
            np.testing.assert_allclose(one[:, 0], other, atol=1e-6)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: type(choice).__name__)
def test_clicks_come_as_often_as_their_probability_says(choice: Choice) -> None:
    rng, n = np.random.default_rng(0), 200_000
    felt = np.repeat(rows(0.5, 0.2, 0.9), n, axis=0)
    chance, click = choice.answer(felt, 0.1 * felt, 0.5 - felt, rng.random((n, 3), np.float32))
    np.testing.assert_allclose(click.mean(axis=0), chance[0], atol=4 * 0.5 / n**0.5)


@pytest.mark.parametrize("choice", CHOICES[:2], ids=lambda choice: type(choice).__name__)
@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_at_most_one_item_is_chosen(choice: Choice, seed: int) -> None:
    rng = np.random.default_rng(seed)
    affinity, cost, quality = (3 * rng.normal(size=(3, 40, 3))).astype(np.float32)
    chance, click = choice.answer(affinity, cost, quality, rng.random((40, 3), np.float32))
    assert click.sum(axis=1).max() <= 1
    assert chance.sum(axis=1).max() <= 1 + 1e-5
    assert chance.min() >= 0


@pytest.mark.parametrize("choice", [Click(), *CHOICES], ids=lambda choice: type(choice).__name__)
def test_attention_is_shared_out(choice: Choice) -> None:
    assert choice.attention.shape == (choice.slate,)
    assert choice.attention.sum() == pytest.approx(1)
    assert (np.diff(choice.attention) <= 0).all()


@pytest.mark.parametrize("make", [MultinomialLogit, Cascade, PositionBias])
def test_a_slate_without_items_is_refused(make: type) -> None:
    with pytest.raises(ValueError, match="slate is 0"):
        make(slate=0)
