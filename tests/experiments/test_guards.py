"""Policies that collapse onto few items are named; those that merely repeat what is liked are not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.experiments.guards import Collapse, collapses
from recloop.experiments.planning_gap import GREEDY_ORACLE, RANDOM
from recloop.experiments.sessions import Key, Played, Sessions

USERS, STEPS, NUM_ITEMS = 50, 24, 400
PPO: Key = ("PPO", "observed")


def plays(key: Key, *seeds: NDArray[np.int64], trained: bool = False) -> Played:
    """A policy whose seeds recommended these items, [users, steps] each."""
    sessions = []
    for items in seeds:
        clicks = np.zeros(items.shape, np.float32)
        sessions.append(Sessions(np.arange(len(items), dtype=np.int32), items.astype(np.int32), clicks, clicks))
    return Played(*key, trained, tuple(sessions))


def from_favourites(favourites: int) -> NDArray[np.int64]:
    """Every user sees so many items of their own, in turn."""
    return (np.arange(USERS)[:, None] * 8 + np.arange(STEPS) % favourites) % NUM_ITEMS


@pytest.fixture
def oracle() -> Played:
    return plays(GREEDY_ORACLE, from_favourites(8))  # 400 effective items


def test_one_item_for_each_user_is_a_collapse_though_all_of_them_cover_much(oracle: Played) -> None:
    greedy = plays(("similarity-greedy", "observed"), from_favourites(1))
    (found,) = collapses([oracle, greedy], NUM_ITEMS)
    assert str(found) == "collapsed: similarity-greedy (observed): 1.0 different items a session"


def test_the_same_list_for_everybody_is_a_collapse_though_no_session_repeats(oracle: Played) -> None:
    popularity = plays(("popularity", "-"), np.tile(np.arange(STEPS), (USERS, 1)))
    (found,) = collapses([oracle, popularity], NUM_ITEMS)
    assert found.reasons == ("24 effective items over all users (greedy oracle: 400)",)


def test_a_policy_that_shows_each_user_a_few_favourites_is_healthy(oracle: Played) -> None:
    assert collapses([oracle, plays(PPO, from_favourites(3), trained=True)], NUM_ITEMS) == ()


def test_one_collapsed_seed_is_found_behind_a_healthy_mean_and_said_in_capitals(oracle: Played) -> None:
    healthy, narrow = from_favourites(8), np.full((USERS, STEPS), 7)
    (found,) = collapses([oracle, plays(PPO, healthy, narrow, healthy, trained=True)], NUM_ITEMS)
    assert str(found) == (
        "COLLAPSED: PPO (observed), 1 of 3 seeds: 1.0 different items a session; "
        "1 effective items over all users (greedy oracle: 400)"
    )


def test_trained_agents_come_first(oracle: Played) -> None:
    narrow = np.zeros((USERS, STEPS), int)
    found = collapses([oracle, plays(("popularity", "-"), narrow), plays(PPO, narrow, trained=True)], NUM_ITEMS)
    assert [one.policy for one in found] == ["PPO", "popularity"]


def test_short_sessions_of_different_items_are_no_collapse(oracle: Played) -> None:
    short = np.full((USERS, STEPS), -1)
    short[:, :2] = from_favourites(2)[:, :2]
    assert collapses([oracle, plays(PPO, short, trained=True)], NUM_ITEMS) == ()


def test_without_an_oracle_random_is_the_reference() -> None:
    random = plays(RANDOM, np.random.default_rng(0).integers(NUM_ITEMS, size=(USERS, STEPS)))
    popularity = plays(("popularity", "-"), np.tile(np.arange(STEPS), (USERS, 1)))
    (found,) = collapses([random, popularity], NUM_ITEMS)
    assert found.reasons[0].startswith("24 effective items over all users (random: 3")
    assert collapses([popularity], NUM_ITEMS) == ()  # nothing to hold it against


def test_an_oracle_that_repeats_one_item_is_named_too() -> None:
    oracle, agent = plays(GREEDY_ORACLE, from_favourites(1)), plays(PPO, from_favourites(1), trained=True)
    assert [one.policy for one in collapses([oracle, agent], NUM_ITEMS)] == ["PPO", "greedy oracle"]


def test_a_seed_that_failed_has_shown_nothing(oracle: Played) -> None:
    agent = plays(PPO, from_favourites(1), from_favourites(8), trained=True)
    failed = agent.sessions[0]._replace(clicks=np.full((USERS, STEPS), np.nan, np.float32))
    assert collapses([oracle, agent._replace(sessions=(failed, agent.sessions[1]))], NUM_ITEMS) == ()
    assert collapses([oracle, agent._replace(sessions=(failed,))], NUM_ITEMS) == ()


def test_a_collapse_says_of_how_many_seeds() -> None:
    assert "PPO (observed), 2 of 10 seeds: few" in str(Collapse(*PPO, True, 2, 10, ("few",)))
