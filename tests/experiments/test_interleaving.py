"""Team-draft interleaving."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.experiments.interleaving import Ints, preferences, share_of_wins, team_draft
from recloop.experiments.sequential import watch

K, SLATE = 20, 6


def ranked(liking: np.ndarray, noise: float, rng: np.random.Generator) -> Ints:
    """Each user's items, best first, by a ranker that knows `liking` [n, items] up to noise."""
    return np.argsort(-(liking + noise * rng.standard_normal(liking.shape)), axis=1)[:, :K]


def traffic(n: int, noises: tuple[float, float], seed: int) -> tuple[Ints, Ints, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    liking = rng.standard_normal((n, 50))
    return ranked(liking, noises[0], rng), ranked(liking, noises[1], rng), liking, rng


def clicks(items: Ints, liking: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chance = 1 / (1 + np.exp(3 - np.take_along_axis(liking, items, axis=1)))
    return np.asarray(rng.random(items.shape) < chance, np.float32)


def test_a_draft_by_hand() -> None:
    first, second = np.array([[7, 3, 5, 1]]), np.array([[7, 5, 9, 3]])
    seen = {tuple(team_draft(first, second, 4, np.random.default_rng(seed)).items[0].tolist()) for seed in range(50)}
    # whoever is first takes 7, the other one their next, 5 or 3; whoever is first then takes theirs, and so on
    assert seen == {(7, 5, 3, 9), (7, 5, 9, 3), (7, 3, 5, 9), (7, 3, 5, 1)}


def test_preferences_by_hand() -> None:
    teams = np.array([[0, 1, 1, 0], [1, 0, 0, 1]])
    clicked = np.array([[1, 1, 1, 0], [0, 1, 0, 0]], np.float32)
    assert preferences(teams, clicked).tolist() == [1, -1]
    assert share_of_wins(np.array([1.0, -1.0, 0.0, 2.0])) == 5 / 8


@given(st.integers(1, 9), st.integers(0, 10**6))
def test_no_item_comes_twice_each_is_its_rankers_and_both_pick_as_often(slate: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (np.argsort(rng.random((8, 12)), axis=1) for _ in range(2))
    drafted = team_draft(first, second, slate, rng)
    assert all(len(set(row)) == slate for row in drafted.items.tolist())
    picked = drafted.teams.sum(axis=1)
    assert (np.abs(slate - 2 * picked) <= 1).all()
    for row, (items, teams) in enumerate(zip(drafted.items, drafted.teams, strict=True)):
        for place, (item, team) in enumerate(zip(items, teams, strict=True)):
            left = [one for one in (first, second)[team][row] if one not in items[:place]]
            assert item == left[0]


def test_a_ranker_against_itself_wins_half_of_the_users() -> None:
    first, _, liking, rng = traffic(20_000, (0.5, 0.5), seed=1)
    drafted = team_draft(first, first, SLATE, rng)
    won = share_of_wins(preferences(drafted.teams, clicks(drafted.items, liking, rng)))
    assert won == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("noises", "wins"), [((1.0, 0.2), True), ((0.2, 1.0), False)])
def test_the_better_ranker_wins(noises: tuple[float, float], wins: bool) -> None:
    first, second, liking, rng = traffic(5_000, noises, seed=2)
    drafted = team_draft(first, second, SLATE, rng)
    won = share_of_wins(preferences(drafted.teams, clicks(drafted.items, liking, rng)))
    assert (won > 0.52) is wins
    assert (won < 0.48) is not wins


def test_interleaving_tells_more_often_than_an_ab_test_of_as_many_users() -> None:
    found = {"interleaved": 0, "A/B": 0}
    for seed in range(60):
        first, second, liking, rng = traffic(600, (1.0, 0.6), seed)
        drafted = team_draft(first, second, SLATE, rng)
        told = preferences(drafted.teams, clicks(drafted.items, liking, rng))
        found["interleaved"] += watch(told).stopped_at is not None
        # half of the users see each ranker: a pair of them is one difference
        each = [clicks(ranking[:, :SLATE], liking, rng).sum(axis=1) for ranking in (first, second)]
        found["A/B"] += watch((each[1][300:] - each[0][:300]).astype(float)).stopped_at is not None
    assert found["interleaved"] > 2 * found["A/B"]


def test_rankings_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="rank as many items each"):
        team_draft(np.zeros((3, 4), np.int64), np.zeros((3, 4), np.int64), 5, np.random.default_rng(0))
