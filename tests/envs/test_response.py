"""Response models recovered from logs that such a model has made."""

import re

import numpy as np
import pytest

from recloop.envs.catalog import Floats
from recloop.envs.choice import Click
from recloop.envs.interactions import Interactions
from recloop.envs.response import Fitted, Logistic
from tests.envs.planted import language, ratings


def place(known: Interactions) -> Floats:
    return language()


def test_logistic_regression_of_a_yes_no_feature_gives_the_log_odds_of_the_shares() -> None:
    features = np.repeat([0.0, 1.0], 100)[:, None]
    likes = np.concatenate([np.arange(100) < 50, np.arange(100) < 80])
    found = Logistic.fit(features, likes)
    assert found.intercept == pytest.approx(0, abs=0.01)
    assert found.weights[0] == pytest.approx(np.log(4), rel=0.01)


def test_without_features_the_chance_is_the_share() -> None:
    found = Logistic.fit(np.zeros((10, 0)), np.arange(10) < 3)
    np.testing.assert_allclose(found(np.zeros((2, 0))), 0.3, rtol=1e-6)


def test_a_row_that_stands_for_many_counts_as_many() -> None:
    found = Logistic.fit(np.zeros((2, 0)), np.array([True, False]), np.array([1.0, 3.0]))
    np.testing.assert_allclose(found(np.zeros((1, 0))), 0.25, rtol=1e-6)


def test_a_feature_that_parts_likes_from_others_keeps_a_finite_weight() -> None:
    features = np.linspace(-1, 1, 50)[:, None]
    found = Logistic.fit(features, features[:, 0] > 0)
    assert np.isfinite(found.weights).all()
    assert found.weights[0] > 5


def test_people_with_taste_are_fitted_steeper_than_people_with_less() -> None:
    scales = [Fitted(Click()).fit(ratings(strength), place, 50.0).choice.scale for strength in (1.0, 4.0)]
    assert 0 < scales[0] < scales[1]


def test_quality_rises_with_how_well_an_item_is_liked() -> None:
    logs = ratings(strength=1.0)
    mean = np.bincount(logs.items, logs.ratings) / np.bincount(logs.items)
    assert np.corrcoef(Fitted(Click()).fit(logs, place, 50.0).quality, mean)[0, 1] > 0.9


def test_what_is_chosen_among_everything_is_rarer_than_what_is_liked_once_rated() -> None:
    liked = Fitted(Click(), "liked").fit(ratings(), place, 50.0).choice
    chosen = Fitted(Click(), "chosen").fit(ratings(), place, 50.0).choice
    assert chosen.offset > liked.offset


def test_where_items_lie_is_fitted_on_the_first_part_of_the_histories_alone() -> None:
    given: list[int] = []

    def watch(known: Interactions) -> Floats:
        given.append(len(known.users))
        return language()

    Fitted(Click(), share=0.5).fit(ratings(), watch, 50.0)
    assert given == [len(ratings().users) // 2]


def test_likes_that_fall_with_similarity_are_refused() -> None:
    logs = ratings()
    stars = np.where(np.arange(len(logs.users)) % 40 < 32, logs.ratings, 6 - logs.ratings).astype(np.float32)
    turned = Interactions(logs.users, logs.items, stars, logs.times, 120, 150)
    with pytest.raises(ValueError, match=re.escape("likes do not rise with similarity")):
        Fitted(Click()).fit(turned, place, 50.0)


def test_a_choice_without_a_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="give a model that has a scale and an offset to fit"):
        Fitted("click")
