"""The figures of fidelity against numbers done by hand, and what each question holds back."""

import numpy as np
import pytest

from recloop.envs.fidelity import auc_within_users, calibration_curve, known, log_loss, measure, new_items, new_users
from recloop.envs.interactions import Interactions


def test_auc_is_the_share_of_pairs_in_order_and_a_tie_counts_one_half() -> None:
    users = np.array([0, 0, 0, 1, 1, 2, 2])
    likes = np.array([True, False, False, True, False, True, True])
    scores = np.array([0.5, 0.5, 0.1, 0.2, 0.9, 0.3, 0.4])
    # user 0: one pair tied, one in order, 0.75; user 1: the wrong way round, 0; user 2 likes everything
    assert auc_within_users(users, likes, scores) == (0.375, 2)


def test_auc_does_not_compare_users() -> None:
    users, likes = np.array([0, 1, 0, 1]), np.array([True, True, False, False])
    assert auc_within_users(users, likes, np.array([0.2, 0.9, 0.1, 0.8])) == (1.0, 2)


def test_auc_is_undefined_when_nobody_has_both() -> None:
    auc, users = auc_within_users(np.array([0, 1]), np.array([True, False]), np.array([0.2, 0.9]))
    assert np.isnan(auc)
    assert users == 0


def test_the_log_loss_of_a_constant_is_the_entropy_it_gives() -> None:
    likes = np.array([True, True, True, False])
    assert log_loss(likes, np.full(4, 0.5)) == pytest.approx(np.log(2))
    assert log_loss(likes, np.full(4, 0.75)) == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)


def test_a_calibration_curve_has_bins_of_equal_mass_and_its_error_is_their_mean_distance() -> None:
    curve = calibration_curve(np.array([False, True, True, True]), np.array([0.1, 0.3, 0.6, 0.8]), bins=2)
    np.testing.assert_allclose(curve.predicted, [0.2, 0.7])
    np.testing.assert_allclose(curve.observed, [0.5, 1.0])
    np.testing.assert_array_equal(curve.ratings, [2, 2])
    assert curve.error == pytest.approx(0.3)


def test_equal_chances_are_never_parted() -> None:
    curve = calibration_curve(np.array([True, False, False, True]), np.full(4, 0.5))
    assert len(curve.ratings) == 1
    assert curve.error == 0


def test_chances_that_come_true_as_often_as_they_say_have_next_to_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    chances = rng.random(100_000)
    assert calibration_curve(rng.random(100_000) < chances, chances).error < 0.01


def halves() -> tuple[Interactions, Interactions]:
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(20), 15), rng.integers(0, 30, 300)
    ratings = rng.integers(1, 6, 300).astype(np.float32)
    return Interactions.sort(users, items, ratings, np.arange(300), 20, 31).split_by_time(0.8)


def test_known_items_have_been_rated_before() -> None:
    history, later = halves()
    history = history.where(history.items != later.items[0])
    ((before, asked),) = known(history, later, 5, 0)
    assert before is history
    assert set(asked.items) == set(later.items) - {later.items[0]}


def test_new_items_are_each_asked_about_once_and_never_known() -> None:
    history, later = halves()
    pairs = new_items(history, later, 5, 0)
    assert sum(len(asked.items) for _, asked in pairs) == len(later.items)
    assert all(set(before.items).isdisjoint(asked.items) for before, asked in pairs)


def test_new_users_are_each_asked_about_once_and_never_known() -> None:
    history, later = halves()
    pairs = new_users(history, later, 5, 0)
    assert sum(len(asked.users) for _, asked in pairs) == len(later.users)
    assert all(set(before.users).isdisjoint(asked.users) for before, asked in pairs)


def test_figures_count_users_and_ratings() -> None:
    _, later = halves()
    figures = measure(later, np.full(len(later.users), 0.5))
    assert (figures.auc, figures.ratings) == (0.5, len(later.users))
    assert 0 < figures.users <= 20
