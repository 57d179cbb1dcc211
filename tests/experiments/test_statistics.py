import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from recloop.experiments.statistics import (
    Scores,
    band,
    bootstrap,
    estimate,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    resample,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_interquartile_mean_drops_a_quarter_at_each_end() -> None:
    assert interquartile_mean(np.array([-100.0, 1, 2, 100])) == 1.5
    assert interquartile_mean(np.array([0.0, 0, 3])) == 1  # of three seeds none is dropped


def test_the_estimate_is_the_interquartile_mean_over_seeds_of_the_mean_over_users() -> None:
    scores = np.array([[0.0, 0], [1, 3], [2, 4], [50, 70]])
    assert estimate(bootstrap({"PPO": scores}, rng())["PPO"]).value == 2.5


@given(arrays(np.float64, (3, 4), elements=st.integers(0, 40).map(float)), st.integers(1, 3))
def test_the_interval_lies_within_the_scores_and_holds_the_estimate(scores: Scores, scale: int) -> None:
    figure = estimate(bootstrap({"PPO": scale * scores}, rng(), resamples=200)["PPO"])
    assert scale * scores.min() - 1e-9 <= figure.low <= figure.value + 1e-9
    assert figure.value - 1e-9 <= figure.high <= scale * scores.max() + 1e-9


def test_a_policy_that_is_one_click_better_with_every_user_is_one_click_better_in_every_resample() -> None:
    scores = rng().random((1, 50))
    resampled = bootstrap({"a": scores, "b": scores + 1}, rng())
    np.testing.assert_allclose(resampled["b"] - resampled["a"], 1)
    assert np.ptp(resampled["a"]) > 0.1  # each of them does vary


def test_seeds_of_two_policies_are_drawn_apart() -> None:
    scores = np.repeat(np.arange(10.0)[:, None], 5, axis=1)  # no difference between users
    resampled = bootstrap({"a": scores, "b": scores}, rng())
    assert abs(np.corrcoef(resampled["a"][1:], resampled["b"][1:])[0, 1]) < 0.1


def test_the_same_generator_gives_the_same_interval_and_another_one_another() -> None:
    scores = rng().random((3, 20))
    first, again, other = (estimate(bootstrap({"a": scores}, rng(seed))["a"]) for seed in (1, 1, 2))
    assert first == again
    assert first.value == other.value
    assert first != other


@pytest.mark.parametrize("where", [0, slice(None)])
def test_a_failed_seed_counts_as_the_worst_that_any_policy_did(where: int | slice) -> None:
    agent = np.array([[np.nan, 5.0], [4.0, 6.0]])
    agent[0, where] = np.nan
    resampled = bootstrap({"agent": agent, "random": np.array([[1.0, 3.0]])}, rng())
    assert resampled["agent"][0] == np.mean([2.0, 5.0])


def test_an_agent_whose_every_seed_failed_is_as_bad_as_the_worst() -> None:
    resampled = bootstrap({"agent": np.full((2, 3), np.nan), "random": np.array([[1.0, 2.0, 3.0]])}, rng())
    np.testing.assert_allclose(resampled["agent"], resampled["random"])


def test_policies_played_on_different_numbers_of_users_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different numbers of users, \{'a': 2, 'b': 3\}"):
        bootstrap({"a": np.ones((1, 2)), "b": np.ones((1, 3))}, rng())


def test_nothing_but_failed_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="every seed of every policy has NaN scores"):
        bootstrap({"a": np.full((2, 3), np.nan)}, rng())


def test_the_band_of_a_learning_curve_draws_whole_seeds() -> None:
    curves = np.array([[0.0, 10.0], [2.0, 12.0]])
    middle, low, high = band(curves, rng())
    np.testing.assert_array_equal(middle, [1, 11])
    np.testing.assert_array_equal(low, [0, 10])
    np.testing.assert_array_equal(high, [2, 12])


def noise(kind: str, seeds: int, generator: np.random.Generator) -> NDArray[np.float64]:
    if kind == "bimodal":
        return np.asarray(generator.choice([-1.0, 1.0], seeds) + 0.2 * generator.normal(size=seeds))
    if kind == "heavy":
        return np.asarray(generator.standard_t(3, seeds) / np.sqrt(3))
    return generator.normal(size=seeds)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "bimodal", "heavy"])
@pytest.mark.parametrize("spread_of_users", [0.2, 4.0])
def test_the_interval_of_ten_seeds_covers_the_truth_as_often_as_it_says(kind: str, spread_of_users: float) -> None:
    generator, repeats, seeds, users = rng(7), 1000, 10, 100
    covered = 0
    for _ in range(repeats):
        of_seeds = 0.5 * noise(kind, seeds, generator)[:, None]  # [seeds, 1]
        of_users = spread_of_users * generator.normal(size=users)  # [users]
        scores = of_seeds + of_users + 0.5 * generator.normal(size=(seeds, users))
        figure = estimate(bootstrap({"a": scores}, generator, resamples=500)["a"])
        covered += figure.low <= 0 <= figure.high
    assert 0.92 <= covered / repeats <= 0.97


def test_the_bootstrap_sums_up_the_seeds_that_were_drawn() -> None:
    scores = {"a": rng(1).random((5, 20)), "b": rng(2).random((3, 20))}
    drawn, summed = resample(scores, rng()), bootstrap(scores, rng())
    np.testing.assert_allclose(drawn["a"][:, 0], scores["a"].mean(axis=1))
    np.testing.assert_array_equal(interquartile_mean(drawn["b"]), summed["b"])


def test_the_probability_of_improvement_counts_pairs_and_halves_ties() -> None:
    ours, theirs = np.array([[1.0], [3], [5]]), np.array([[2.0], [3]])
    assert probability_of_improvement(ours, theirs) == pytest.approx([3.5 / 6])  # 1: 0, 0; 3: 1, 1/2; 5: 1, 1
    assert probability_of_improvement(theirs, ours) == pytest.approx([2.5 / 6])


def test_a_performance_profile_is_the_share_of_users_above_each_level() -> None:
    scores = np.array([[1.0, 2, 3, 4], [3, 3, 3, 3]])
    share, low, high = performance_profile(scores, np.array([0.0, 2, 3, 4]), rng())
    assert share.tolist() == [1, 0.75, 0.125, 0]
    assert (low[1], high[1]) == (0.5, 1)  # one seed reaches more than 2 with half of its users, the other with all
