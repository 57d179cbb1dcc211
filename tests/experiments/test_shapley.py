"""Shapley values."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recloop.experiments.shapley import Doubles, Game, Masks, shapley_values


def drawn(players: int, dim: int, seed: int) -> Game:
    """A game in which every coalition has a worth of its own."""
    table = np.random.default_rng(seed).normal(size=(2**players, dim))
    return lambda told: np.asarray(table[told @ (1 << np.arange(players))])


def gloves(told: Masks) -> Doubles:
    """Players 0 and 1 have a left glove each, player 2 a right one; a pair is worth 1."""
    return ((told[:, 0] | told[:, 1]) & told[:, 2]).astype(float)[:, None]


def test_whoever_has_the_only_right_glove_gets_two_thirds() -> None:
    values = shapley_values(gloves, 3, np.random.default_rng(0))
    np.testing.assert_allclose(values[:, 0], [1 / 6, 1 / 6, 4 / 6])


def test_they_are_the_mean_over_all_orders() -> None:
    game, expected = drawn(4, 2, 0), np.zeros((4, 2))
    for order in permutations(range(4)):
        told = np.zeros((1, 4), bool)
        for player in order:
            before = game(told)
            told[0, player] = True
            expected[player] += (game(told) - before)[0] / 24
    np.testing.assert_allclose(shapley_values(game, 4, np.random.default_rng(0)), expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.booleans(), st.integers(0, 2**32 - 1))
def test_they_sum_to_what_all_have_beyond_nobody(players: int, exact: bool, seed: int) -> None:
    game = drawn(players, 3, seed)
    values = shapley_values(game, players, np.random.default_rng(seed), exact_players=9 if exact else 0)
    everybody, nobody = game(np.ones((1, players), bool)), game(np.zeros((1, players), bool))
    np.testing.assert_allclose(values.sum(axis=0), (everybody - nobody)[0], atol=1e-9)


def test_of_a_sum_each_player_gets_their_own_by_any_sample() -> None:
    own = np.random.default_rng(0).normal(size=(15, 2))
    values = shapley_values(lambda told: told @ own, 15, np.random.default_rng(0), orders=1)
    np.testing.assert_allclose(values, own, atol=1e-12)


def test_a_sample_comes_near_and_the_same_seed_draws_the_same() -> None:
    game = drawn(6, 1, 1)
    exact = shapley_values(game, 6, np.random.default_rng(0))
    sampled = shapley_values(game, 6, np.random.default_rng(0), exact_players=0, orders=3000)
    assert np.abs(sampled - exact).max() < 0.05
    again = shapley_values(game, 6, np.random.default_rng(0), exact_players=0, orders=3000)
    assert sampled.tobytes() == again.tobytes()


@pytest.mark.parametrize("exact_players", [10, 0])
def test_nobody_gets_nothing(exact_players: int) -> None:
    values = shapley_values(lambda told: np.ones((len(told), 2)), 0, np.random.default_rng(0), exact_players)
    assert values.shape == (0, 2)
