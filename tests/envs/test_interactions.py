"""What people did, and what follows from it."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.envs.interactions import Interactions

#     user, item, stars, second: user 0 has four ratings, user 1 two, user 2 none
ROWS = [(0, 0, 5, 10), (0, 1, 1, 20), (0, 2, 5, 30), (0, 1, 3, 40), (1, 2, 3, 5), (1, 0, 3, 6)]


def logged(rows: Sequence[tuple[int, int, float, int]], num_users: int = 3, num_items: int = 3) -> Interactions:
    users, items, ratings, times = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.sort(users, items, ratings.astype(np.float32), times, num_users, num_items)


def test_rows_in_any_order_are_sorted_by_user_then_time_then_item() -> None:
    rows = logged([(1, 2, 3, 5), (0, 2, 5, 30), (0, 1, 1, 20), (0, 0, 4, 20)])
    assert list(zip(rows.users.tolist(), rows.items.tolist(), strict=True)) == [(0, 0), (0, 1), (0, 2), (1, 2)]


@given(st.permutations(ROWS))
def test_the_order_of_the_file_does_not_matter(rows: list[tuple[int, int, float, int]]) -> None:
    np.testing.assert_array_equal(logged(rows).items, logged(ROWS).items)


def test_unsorted_rows_are_refused_with_the_remedy() -> None:
    two = np.array([0, 0])
    with pytest.raises(ValueError, match=r"sorted by user, then by time; see Interactions\.sort"):
        Interactions(two, two, two.astype(np.float32), np.array([2, 1]), 1, 1)


def test_a_row_beyond_the_catalog_is_refused_with_the_range() -> None:
    with pytest.raises(ValueError, match="items has rows from 0 to 7, but there are 3 items"):
        logged([(0, 0, 5, 1), (0, 7, 5, 2)])


def test_a_rating_that_is_no_number_is_refused_by_row() -> None:
    with pytest.raises(ValueError, match="rating 1 is not a number"):
        logged([(0, 0, 5, 1), (0, 1, np.nan, 2)])


def test_a_split_by_time_takes_the_first_half_of_each_history() -> None:
    before, after = logged(ROWS).split_by_time(0.5)
    assert before.times.tolist() == [10, 20, 5]
    assert after.times.tolist() == [30, 40, 6]


@given(
    st.floats(0.01, 0.99),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 5), st.integers(0, 9)), min_size=1),
)
def test_nothing_before_the_split_is_later_than_what_comes_after(
    share: float, rows: list[tuple[int, int, float, int]]
) -> None:
    before, after = logged(rows, 5, 4).split_by_time(share)
    assert len(before.users) + len(after.users) == len(rows)
    for user in range(5):
        assert max(before.times[before.users == user], default=0) <= min(after.times[after.users == user], default=9)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        logged(ROWS).split_by_time(share)


def test_the_interactions_of_some_users_keep_their_rows() -> None:
    assert logged(ROWS).of_users(np.array([1, 2])).users.tolist() == [1, 1]


def test_pooling_weighs_by_liking_and_halves_the_past() -> None:
    vectors = np.eye(3, dtype=np.float32)
    taste = logged([(0, 0, 5, 1), (0, 1, 2, 2), (0, 2, 5, 3)]).pool(vectors, half_life=1.0)[0]
    expected = np.array([0.25 * 1, 0.5 * -2, 1 * 1])  # the mean is 4 stars; recency 1/4, 1/2, 1
    np.testing.assert_allclose(taste, expected / np.linalg.norm(expected), rtol=1e-5)


def test_weights_are_the_liking_above_the_user_s_mean_halved_into_the_past() -> None:
    weights = logged([(0, 0, 5, 1), (0, 1, 2, 2), (0, 2, 5, 3)]).weights(half_life=1.0)
    np.testing.assert_allclose(weights, [1 / 4, -2 / 2, 1])


def test_a_user_who_rates_all_alike_gets_the_plain_mean() -> None:
    taste = logged(ROWS).pool(np.eye(3, dtype=np.float32), half_life=1e9)[1]
    np.testing.assert_allclose(taste, [0.5**0.5, 0, 0.5**0.5], rtol=1e-5)


def test_a_user_without_history_gets_a_vector_of_zeros() -> None:
    np.testing.assert_array_equal(logged(ROWS).pool(np.eye(3, dtype=np.float32), half_life=5.0)[2], 0)


def test_popularity_is_the_share_of_interactions() -> None:
    np.testing.assert_allclose(logged(ROWS).popularity(), [2 / 6, 2 / 6, 2 / 6])


def test_quality_is_the_log_odds_above_the_average() -> None:
    stars = [(0, 5), (0, 5), (0, 4), (0, 1), (1, 5), (1, 1), (1, 1), (1, 1)]  # 3 of 4 like item 0, 1 of 4 item 1
    rows = [(0, item, rating, time) for time, (item, rating) in enumerate(stars)]
    np.testing.assert_allclose(logged(rows).quality(shrinkage=1e-6)[:2], np.log([3, 1 / 3]), rtol=1e-4)


def test_shrinkage_adds_ratings_with_the_average_share_of_likes() -> None:
    quality = logged([(0, 0, 5, 1), (0, 0, 5, 2), (0, 1, 1, 3), (0, 1, 1, 4)]).quality(shrinkage=2.0)
    np.testing.assert_allclose(quality, np.log([3 / 1, 1 / 3, 1]), rtol=1e-5)  # (2 + 1) likes of 4


@given(st.floats(0.1, 100))
def test_more_shrinkage_never_makes_an_item_look_better_or_worse_than_it_is(shrinkage: float) -> None:
    weak, strong = (logged(ROWS).quality(value) for value in (shrinkage, 2 * shrinkage))
    assert (np.abs(strong) <= np.abs(weak) + 1e-6).all()
    assert (np.sign(strong) == np.sign(weak)).all()


def test_ratings_that_are_all_likes_tell_no_quality() -> None:
    with pytest.raises(ValueError, match="100% of the ratings are likes"):
        logged([(0, 0, 5, 1)]).quality()


def test_recent_likes_are_the_last_ones_oldest_first_and_padded_in_front() -> None:
    rows = [(0, 0, 5, 1), (0, 1, 4, 2), (0, 2, 3, 3), (0, 2, 5, 4), (1, 1, 4, 1)]
    assert logged(rows).recent_likes(2).tolist() == [[1, 2], [-1, 1], [-1, -1]]
