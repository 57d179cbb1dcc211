import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from recloop.experiments import metrics
from recloop.experiments.sessions import Sessions


def sessions(
    items: list[list[int]], clicks: list[list[float]] | None = None, users: list[int] | None = None
) -> Sessions:
    chosen = np.array(items, np.int32)
    clicked = np.zeros(chosen.shape, np.float32) if clicks is None else np.array(clicks, np.float32)
    return Sessions(np.array(users or range(len(items)), np.int32), chosen, clicked, clicked / np.float32(2))


def test_clicks_are_averaged_within_a_user_before_they_are_averaged_over_users() -> None:
    played = sessions([[0, 0], [0, 0], [0, 0]], [[1, 1], [0, 0], [1, 1]], users=[7, 7, 3])
    np.testing.assert_array_equal(metrics.clicks_per_user(played), [2, 1])  # user 3, user 7
    assert metrics.clicks_per_session(played) == 1.5


def test_the_return_adds_up_rewards() -> None:
    assert metrics.session_return(sessions([[0, 1], [0, 1]], [[1, 1], [0, 0]])) == 0.5


def test_a_session_is_as_long_as_its_recommendations() -> None:
    assert metrics.session_length(sessions([[0, -1, -1], [0, 1, 2]])) == 2


def test_coverage_counts_each_item_once() -> None:
    assert metrics.coverage(sessions([[0, 0, 1], [1, -1, -1]]), num_items=8) == 0.25


def test_diversity_of_opposite_right_angled_and_equal_items() -> None:
    vectors = np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 3.0]])
    assert metrics.diversity(sessions([[0, 1]]), vectors) == 2
    assert metrics.diversity(sessions([[0, 2]]), vectors) == 1
    assert metrics.diversity(sessions([[2, 2]]), vectors) == 0
    assert metrics.diversity(sessions([[0, 1], [2, 2]]), vectors) == 1


def test_a_session_that_closes_in_on_one_item_narrows() -> None:
    vectors = np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 3.0]])
    assert metrics.narrowing(sessions([[0, 1, 2, 2]]), vectors) == 2
    assert metrics.narrowing(sessions([[2, 2, 0, 1, -1, -1]]), vectors) == -2
    assert metrics.narrowing(sessions([[0, 2, 0, 2]]), vectors) == 0


def test_diversity_ignores_sessions_without_a_pair() -> None:
    vectors = np.eye(2)
    assert metrics.diversity(sessions([[0, 1], [0, -1]]), vectors) == 1
    assert np.isnan(metrics.diversity(sessions([[0, -1]]), vectors))


@given(
    items=arrays(np.int32, (3, 5), elements=st.integers(0, 6)),
    vectors=arrays(np.float64, (7, 3), elements=st.floats(-2, 2).map(lambda x: round(x, 3))),
)
def test_diversity_in_closed_form_equals_the_loop_over_pairs(
    items: NDArray[np.int32], vectors: NDArray[np.float64]
) -> None:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1)
    pairs = [
        [1 - units[a] @ units[b] for at, a in enumerate(row) for b in row[at + 1 :]] for row in items.tolist()
    ]  # [sessions][pairs]
    assert metrics.diversity(sessions(items.tolist()), vectors) == pytest.approx(np.mean(pairs), abs=1e-9)


def test_distinct_items_and_repeats_of_a_session() -> None:
    played = sessions([[0, 0, 1, 0], [2, 3, -1, -1]])
    assert metrics.distinct_items(played, num_items=4) == 2
    assert metrics.repeats(played, num_items=4) == pytest.approx(1 - 4 / 6)


def test_gini_is_zero_when_every_item_is_shown_as_often_and_near_one_when_a_single_one_is() -> None:
    assert metrics.gini(sessions([[0, 1], [2, 3]]), num_items=4) == 0
    assert metrics.gini(sessions([[2, 2], [2, 2]]), num_items=4) == 0.75


def test_novelty_is_the_bits_of_the_items_popularity_share() -> None:
    popularity = np.array([4, 2, 1, 0])  # the last as the one before: 1/2, 1/4, 1/8, 1/8
    assert metrics.novelty(sessions([[0, 1, -1]]), popularity) == 1.5
    assert metrics.novelty(sessions([[3, 3, 2]]), popularity) == 3
    assert metrics.novelty(sessions([[0, 1, -1]]), popularity / 7) == 1.5  # shares instead of numbers
    assert metrics.novelty(sessions([[0, 1, -1]]), np.zeros(4)) == 2  # nothing logged: all alike


def test_popularity_is_the_percentile_in_the_catalog_and_ties_share_theirs() -> None:
    popularity = np.array([0.7, 0.1, 0.1, 0.1])
    assert metrics.popularity(sessions([[0]]), popularity) == 0.875
    assert metrics.popularity(sessions([[1]]), popularity) == 0.375
    assert metrics.popularity(sessions([[0, 1, 2, 3]]), popularity) == 0.5  # each as often: as at random


def test_effective_items_are_the_exponential_of_the_entropy() -> None:
    assert metrics.effective_items(sessions([[0, 1], [2, 3]]), num_items=9) == pytest.approx(4)
    assert metrics.effective_items(sessions([[2, 2], [2, -1]]), num_items=9) == 1
    half_quarters = sessions([[0, 0, 1, 2]])  # 1/2, 1/4, 1/4: 2 ** 1.5
    assert metrics.effective_items(half_quarters, num_items=9) == pytest.approx(2**1.5)


def slates() -> Sessions:
    """Two sessions of three steps, slates of two items; the second session ends after its first step."""
    items = np.array([[0, 1, 0, 1, 2, 1], [3, 3, -1, -1, -1, -1]], np.int32)
    clicks = np.array([[1, 1, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0]], np.float32)
    return Sessions(np.arange(2, dtype=np.int32), items, clicks, np.array([[2, 1, 0], [1, 0, 0]], np.float32))


def test_a_slate_is_one_step_of_several_recommendations() -> None:
    assert metrics.session_length(slates()) == 2
    assert metrics.clicks_per_user(slates()).tolist() == [3, 1]
    assert metrics.session_return(slates()) == 2
    assert metrics.reward_by_step(slates()).tolist() == [1.5, 0.5, 0]
    assert metrics.distinct_items(slates(), num_items=4) == 2
    assert metrics.repeats(slates(), num_items=4) == pytest.approx(1 - 4 / 8)
    shares = np.array([2, 3, 1, 2]) / 8
    assert metrics.effective_items(slates(), num_items=4) == pytest.approx(np.prod(shares**-shares))


def test_the_pairs_of_diversity_are_those_of_all_items_of_all_slates() -> None:
    # items 0, 0, 1, 1, 1, 2 make 15 pairs, 1 + 3 of the same item; items 3, 3 make one, of the same item
    assert metrics.diversity(slates(), np.eye(4)) == pytest.approx((11 / 15 + 0) / 2)


def test_a_session_that_ended_counts_nothing_in_the_reward_of_a_step() -> None:
    played = sessions([[0, 1], [0, -1]], [[1, 1], [1, 0]])
    np.testing.assert_array_equal(metrics.reward_by_step(played), [0.5, 0.25])


@given(arrays(np.int32, (4, 6), elements=st.integers(-1, 9)), st.permutations(range(10)))
def test_no_metric_depends_on_how_items_are_numbered(items: NDArray[np.int32], order: list[int]) -> None:
    renamed = np.append(order, -1).astype(np.int32)[items]  # -1, the end, keeps its name
    vectors, popularity = np.random.default_rng(0).normal(size=(10, 3)), np.arange(10)
    before, after = sessions(items.tolist()), sessions(renamed.tolist())
    moved_vectors, moved_popularity = np.empty_like(vectors), np.empty_like(popularity)
    moved_vectors[order], moved_popularity[order] = vectors, popularity
    assert metrics.coverage(before, 10) == metrics.coverage(after, 10)
    assert metrics.distinct_items(before, 10) == metrics.distinct_items(after, 10)
    assert metrics.gini(before, 10) == pytest.approx(metrics.gini(after, 10))
    assert metrics.effective_items(before, 10) == pytest.approx(metrics.effective_items(after, 10))
    assert metrics.popularity(before, popularity) == pytest.approx(metrics.popularity(after, moved_popularity))
    assert metrics.novelty(before, popularity) == pytest.approx(metrics.novelty(after, moved_popularity))
    diversity = metrics.diversity(after, moved_vectors)
    assert metrics.diversity(before, vectors) == pytest.approx(diversity, nan_ok=True)
