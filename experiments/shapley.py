"""Shapley values: what each of several players adds to what all of them come to together."""

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Masks = NDArray[np.bool_]

Game = Callable[[Masks], Doubles]
"""What coalitions [m, players] come to, [m, dim]; a game of one number has dim 1."""


def shapley_values(
    game: Game, players: int, rng: np.random.Generator, exact_players: int = 10, orders: int = 16
) -> Doubles:
    """What each player adds, averaged over the orders in which they may come, [players, dim] (Shapley, 1953).

        phi_i = mean over orders of game(those before i, and i) - game(those before i)

    The values sum to game(all) - game(nobody): exactly so, whether all orders are averaged or a sample of them.

    Args:
        game: what coalitions come to.
        players: how many there are.
        rng: draws the sample.
        exact_players: of so many, all 2 ** players coalitions are looked at; of more, orders are sampled.
        orders: of the sample; each comes forwards and backwards, which cancels much of its noise.
    """
    return _exact(game, players) if players <= exact_players else _sampled(game, players, rng, orders)


def _exact(game: Game, players: int) -> Doubles:
    coalitions = (np.arange(2**players)[:, None] >> np.arange(players)) & 1 == 1  # [2 ** players, players]
    worth, size = game(coalitions), coalitions.sum(axis=1)
    values = np.zeros((players, worth.shape[1]))
    chance = np.array([1.0 / (players * comb(players - 1, before)) for before in range(players)])
    for player in range(players):
        without = np.flatnonzero(~coalitions[:, player])
        gained = worth[without + 2**player] - worth[without]  # [2 ** (players - 1), dim]
        values[player] = chance[size[without]] @ gained
    return values


def _sampled(game: Game, players: int, rng: np.random.Generator, orders: int) -> Doubles:
    drawn = np.array([rng.permutation(players) for _ in range(orders)])  # [orders, players]
    both = np.concatenate([drawn, drawn[:, ::-1]])  # [2 * orders, players]
    turn = np.argsort(both, axis=1)  # when each player comes
    coalitions = turn[:, None] < np.arange(players + 1)[:, None]  # [2 * orders, players + 1, players]
    distinct, places = np.unique(coalitions.reshape(-1, players), axis=0, return_inverse=True)
    worth = game(distinct)[places.reshape(len(both), players + 1)]  # [2 * orders, players + 1, dim]
    gained = np.diff(worth, axis=1)  # [2 * orders, players, dim] in the order of arrival
    values: Doubles = np.take_along_axis(gained, turn[:, :, None], axis=1).mean(axis=0)
    return values
