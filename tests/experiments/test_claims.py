"""How often what is said of agents is wrong, where the truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.experiments.sections import _corrected
from recloop.experiments.seeding import TUNING_SEEDS, streams
from recloop.experiments.significance import compare_seeds, verdict
from recloop.experiments.statistics import bootstrap

REPEATS, SEEDS = 500, 10


def said(ours: NDArray[np.float64], theirs: NDArray[np.float64], margin: float = 0.01) -> str:
    """The first word of the verdict."""
    p_values = compare_seeds(ours, theirs, margin)
    assert p_values is not None
    return verdict(ours, theirs, p_values).split(",")[0].split(";")[0]


@pytest.mark.slow
def test_the_same_agent_under_two_names_is_told_apart_in_2_5_to_7_percent_of_500_cases() -> None:
    pairs = np.random.default_rng(0).normal(20, 1, (REPEATS, 2, SEEDS))
    words = [said(*pair) for pair in pairs]
    assert 0.025 <= np.mean([word in ("superior", "inferior") for word in words]) <= 0.07
    assert words.count("superior") / REPEATS <= 0.07


@pytest.mark.slow
def test_one_agent_under_five_names_is_told_apart_from_itself_no_more_often_for_it() -> None:
    agents = np.random.default_rng(1).normal(20, 1, (REPEATS, 5, SEEDS))
    wrong = [
        any(test is not None and test.different < 0.05 for test in _corrected(list(others), base))
        for base, *others in agents
    ]
    assert np.mean(wrong) <= 0.07


@pytest.mark.slow
def test_a_difference_of_one_and_a_half_spreads_is_found_with_ten_seeds_17_times_in_20() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(1.5, 1, (REPEATS, SEEDS)), rng.normal(0, 1, (REPEATS, SEEDS))
    assert np.mean([said(*pair) == "superior" for pair in zip(ours, theirs, strict=True)]) >= 0.85


@pytest.mark.slow
def test_agents_as_far_apart_as_the_margin_are_seldom_called_equivalent() -> None:
    rng = np.random.default_rng(2)
    ours, theirs = rng.normal(20.4, 0.3, (REPEATS, SEEDS)), rng.normal(20, 0.3, (REPEATS, SEEDS))
    words = [said(one, other, margin=0.4) for one, other in zip(ours, theirs, strict=True)]
    assert words.count("equivalent") / REPEATS <= 0.07


@pytest.mark.slow
def test_equal_agents_are_called_equivalent_when_the_seeds_are_close_enough() -> None:
    pairs = np.random.default_rng(3).normal(20, 0.1, (REPEATS, 2, SEEDS))
    assert np.mean([said(one, other, margin=0.4) == "equivalent" for one, other in pairs]) >= 0.85


@pytest.mark.parametrize("failed", range(SEEDS))
def test_whichever_seed_of_ten_fails_counts_as_the_worst(failed: int) -> None:
    agent, random = np.arange(10.0, 20)[:, None] + np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]])
    agent[failed, failed % 3] = np.nan
    expected = agent.copy()
    expected[failed] = random[0]
    both = (bootstrap({"agent": one, "random": random}, np.random.default_rng(0)) for one in (agent, expected))
    found, replaced = both
    np.testing.assert_array_equal(found["agent"], replaced["agent"])


def reached(agent: int, seed: int) -> float:
    """What one of twenty equal agents reaches with a seed: luck alone, with a spread of 1."""
    return float(streams(seed, f"agent {agent}")[f"agent {agent}"].normal())


@pytest.mark.slow
def test_the_best_of_twenty_equal_agents_looks_better_on_the_seeds_it_was_chosen_with_and_not_on_others() -> None:
    """The winner's curse: the largest of 20 means over 5 seeds lies 1.87 / sqrt(5) = 0.84 spreads above the truth."""
    repeats, tuning, reporting = 300, 5, 10
    on_tuning_seeds, on_fresh_seeds = [], []
    for repeat in range(repeats):
        first = TUNING_SEEDS[repeat * tuning]
        means = [np.mean([reached(agent, first + seed) for seed in range(tuning)]) for agent in range(20)]
        best = int(np.argmax(means))
        on_tuning_seeds.append(means[best])
        on_fresh_seeds.append(np.mean([reached(best, repeat * reporting + seed) for seed in range(reporting)]))
    assert np.mean(on_tuning_seeds) == pytest.approx(0.84, abs=0.05)
    assert abs(np.mean(on_fresh_seeds)) < 0.05
