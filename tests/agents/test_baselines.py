"""Policies that learn nothing, by hand."""

import numpy as np
import pytest

from recloop.agents.baselines import Greedy, Popularity, Random, Sparing
from recloop.agents.policy import ItemSpace

LAYOUT = {"state": slice(0, 2), "exposure": slice(2, 4)}
ITEMS = ItemSpace(
    vectors=np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32),
    quality=np.array([0, 1, 0], np.float32),
    popularity=np.array([0.2, 0.3, 0.5], np.float32),
    layout=LAYOUT,
)
LIKES_A_BORED_OF_A = np.array([[1, 0, 3, 0]], np.float32)


def test_random_recommends_every_item_and_repeats_with_its_seed() -> None:
    observation = np.zeros((500, 4), np.float32)
    first, twin, other = (Random(3, seed).predict(observation)[0] for seed in (0, 0, 1))
    assert np.bincount(first).min() > 120
    np.testing.assert_array_equal(first, twin)
    assert not np.array_equal(first, other)


def test_popularity_goes_down_the_list_and_starts_again() -> None:
    policy, state, shown = Popularity(ITEMS), None, []
    for _ in range(4):
        actions, state = policy.predict(np.zeros((1, 4), np.float32), state)
        shown.append(int(actions[0]))
    assert shown == [2, 1, 0, 2]


def test_popularity_starts_again_for_the_users_whose_session_begins() -> None:
    policy = Popularity(ITEMS)
    _, state = policy.predict(np.zeros((2, 4), np.float32))
    actions, _ = policy.predict(np.zeros((2, 4), np.float32), state, np.array([True, False]))
    assert actions.tolist() == [2, 1]


def test_a_slate_holds_different_items_the_best_first() -> None:
    observation = np.array([[1, 0, 0, 0]] * 200, np.float32)
    random, popular = Random(3, 0, slate=2).predict(observation)[0], Popularity(ITEMS, slate=2)
    assert (random[:, 0] != random[:, 1]).all()
    assert np.bincount(random.ravel()).min() > 90
    assert Greedy(ITEMS, slate=2).predict(observation[:1])[0].tolist() == [[0, 2]]
    first, state = popular.predict(observation[:1])
    second, _ = popular.predict(observation[:1], state)
    assert (first.tolist(), second.tolist()) == ([[2, 1]], [[0, 2]])


def test_each_place_of_a_slate_holds_what_may_stand_there() -> None:
    observation, slots = np.array([[1, 0, 0, 0]] * 50, np.float32), np.array([[0, 1, 1], [1, 1, 0]], bool)
    assert Greedy(ITEMS, slate=2, slots=slots).predict(observation[:1])[0].tolist() == [[2, 0]]
    assert Popularity(ITEMS, slate=2, slots=slots).predict(observation[:1])[0].tolist() == [[2, 1]]
    random = Random(3, 0, slate=2, slots=slots).predict(observation)[0]
    assert set(map(tuple, random.tolist())) == {(1, 0), (2, 0), (2, 1)}


@pytest.mark.parametrize(
    ("boredom", "quality", "scores"),
    [
        (0.0, 0.0, [1, 0, 0.6]),
        (0.4, 0.0, [1 - 0.4 * 3, 0, 0.6 - 0.4 * 1.8]),
        (0.0, 0.7, [1, 0.7, 0.6]),
    ],
)
def test_greedy_scores_by_hand(boredom: float, quality: float, scores: list[float]) -> None:
    policy = Greedy(ITEMS, boredom, quality)
    np.testing.assert_allclose(policy.scores(LIKES_A_BORED_OF_A)[0], np.array(scores), atol=1e-6)
    assert policy.predict(LIKES_A_BORED_OF_A)[0].tolist() == [int(np.argmax(scores))]


def test_nobody_is_bored_of_the_opposite() -> None:
    observation = np.array([[1, 0, -3, -3]], np.float32)
    np.testing.assert_array_equal(Greedy(ITEMS, 0.4).scores(observation), Greedy(ITEMS).scores(observation))


def test_the_sparing_heuristic_keeps_the_favourite_where_the_merely_good_will_do() -> None:
    """Chances saturate: A (cosine 1) and C (0.6) are both nearly sure, so C goes first once A has its price."""
    likes_a = np.array([[1, 0, 0, 0]], np.float32)
    greedy, sparing = (Sparing(ITEMS, 0.4, 0.0, 25.0, 0.3, price) for price in (0.0, 0.7))
    assert (greedy.predict(likes_a)[0].item(), sparing.predict(likes_a)[0].item()) == (0, 2)
    chance = 1 / (1 + np.exp(-25 * (np.array([1, 0, 0.6]) - 0.3)))
    np.testing.assert_allclose(sparing.scores(likes_a)[0], chance - 0.7 * np.array([1, 0, 0.6]), atol=1e-5)
