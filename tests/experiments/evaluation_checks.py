"""What holds of the code that judges policies, as checks that can be made of a spoiled copy of it too.

Each check looks functions up in their modules when it runs, and fails with AssertionError.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import stats

from recloop.agents.policy import Floats, Ints
from recloop.envs.interactions import Interactions
from recloop.envs.task import Task
from recloop.envs.users import Population
from recloop.experiments import (
    evaluate,
    groups,
    guards,
    inputs,
    metrics,
    planning_gap,
    sections,
    significance,
    statistics,
    suite,
    table,
)
from recloop.experiments.errors import UsageError
from recloop.experiments.planning_gap import GREEDY_ORACLE, PLANNER, RANDOM
from recloop.experiments.sessions import Curve, Key, Played, Sessions

USERS, STEPS = 30, 12
PPO: Key = ("PPO", "observed")


def sessions(clicks: Any, items: Any = None, users: Any = None, rewards: Any = None) -> Sessions:
    """Of [sessions, steps] clicks, which are the rewards as well unless some are given."""
    clicked = np.array(clicks, np.float32)
    shown = np.zeros(clicked.shape) if items is None else items
    who = np.arange(len(clicked)) if users is None else users
    earned = clicked if rewards is None else rewards
    return Sessions(np.array(who, np.int32), np.array(shown, np.int32), clicked, np.array(earned, np.float32))


class Always:
    """Recommends the same item to everybody, whatever is observed."""

    def __init__(self, item: int) -> None:
        self.item = item

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        """That item."""
        return np.full(len(observation), self.item), state


def played(item: int = 0, seed: int = 0) -> tuple[Sessions, evaluate.Luck]:
    """A small world in which one item is shown again and again, and the luck there."""
    task = Task.synthetic(30, 8, max_steps=STEPS)
    rng = np.random.default_rng(seed)
    who, arrival = np.arange(USERS), rng.standard_normal((USERS, 8), np.float32)
    luck = evaluate.Luck(who, arrival, rng.random((STEPS, USERS), np.float32))
    return evaluate.play(task, Always(item), luck), luck


def sessions_end_where_the_user_leaves() -> None:
    """Some leave early, and nothing is counted from then on."""
    found, _ = played()
    over = np.cumsum(found.items < 0, axis=1) > 0
    assert 0 < over.sum() < over.size
    assert not found.rewards[over].any()
    assert not found.clicks[over].any()


def every_step_of_a_session_is_played() -> None:
    """Whoever stays is shown something at the first step and at the last."""
    found, _ = played(item=int(np.argmax([metrics.session_length(played(item)[0]) for item in range(8)])))
    assert (found.items[:, 0] >= 0).all()
    assert (found.items[:, -1] >= 0).any()


def a_click_is_that_step_s_luck_below_the_enjoyment() -> None:
    """With the default reward, which is the enjoyment."""
    found, luck = played()
    shown = found.items >= 0
    np.testing.assert_array_equal(found.clicks[shown] == 1, (found.rewards > luck.clicks.T)[shown])


def the_same_luck_gives_the_same_sessions() -> None:
    """Twice the same policy, twice the same bits."""
    for one, two in zip(played()[0], played()[0], strict=True):
        np.testing.assert_array_equal(one, two)


def nobody_is_both_trained_on_and_held_out() -> None:
    """And nobody is lost."""
    train, held_out = Population.synthetic(np.eye(4, dtype=np.float32), seed=0).split(0.3, seed=1)
    assert not set(train.members) & set(held_out.members)
    assert round(0.3 * (len(train.members) + len(held_out.members))) == len(held_out.members)


def what_is_known_of_users_comes_before_what_is_predicted() -> None:
    """Each user's first 6 of 10 interactions."""
    users, items, times = np.repeat(np.arange(3), 10), np.tile(np.arange(10), 3), np.tile(np.arange(10), 3)
    logs = Interactions(users, items, np.ones(30, np.float32), times, num_users=3, num_items=10)
    both = logs.split_by_time(0.6)
    assert [sorted(set(part.items.tolist())) for part in both] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9]]


def every_step_counts_and_users_weigh_the_same() -> None:
    """Two sessions of one user, one of another."""
    found = sessions([[1, 0, 1], [0, 0, 0], [1, 1, 1]], users=[7, 7, 3])
    assert metrics.clicks_per_user(found).tolist() == [3, 1]
    assert metrics.session_return(found) == 2


def a_slate_is_one_step_and_its_items_are_recommendations() -> None:
    """Two steps of two items."""
    found = sessions(np.zeros((1, 4)), items=[[0, 1, 1, 1]], rewards=np.zeros((1, 2)))
    assert metrics.session_length(found) == 2
    assert metrics.repeats(found, 2) == 0.5
    assert metrics.diversity(found, np.eye(2)) == 0.5


def half_of_a_tie_lies_below() -> None:
    """Of popularity, and of the probability of improvement."""
    assert metrics.popularity(sessions([[0]], items=[[1]]), np.array([5, 1, 1, 1])) == 0.375
    assert statistics.probability_of_improvement(np.array([[1.0], [3]]), np.array([[1.0]])).tolist() == [0.75]


def the_middle_half_of_the_seeds_counts() -> None:
    """An outlier at either end does not."""
    assert statistics.interquartile_mean(np.array([-90.0, 1, 2, 90, 3, 4, 5, -90])) == 2.5


def an_interval_is_the_middle_95_percent_of_the_resamples() -> None:
    """Of 1,001 skewed ones."""
    values = np.exp(np.linspace(0, 5, 1001))
    found = statistics.estimate(np.append(7.0, values))
    assert (found.value, found.low, found.high) == (7, values[25], values[975])


def an_interval_spans_the_seeds_and_not_the_sessions() -> None:
    """Ten seeds that differ and 50 users that do not: as wide as Student's, within a third."""
    seeds = np.random.default_rng(3).normal(20, 1, 10)
    found = statistics.estimate(statistics.bootstrap({"a": np.repeat(seeds[:, None], 50, 1)}, _rng())["a"])
    expected = 2 * 2.26 * seeds.std(ddof=1) / np.sqrt(10)
    assert 2 / 3 < (found.high - found.low) / expected < 4 / 3


def policies_meet_the_same_resampled_users() -> None:
    """One click more with every user is one click more in every resample."""
    scores = np.random.default_rng(0).normal(size=(1, 50))
    resampled = statistics.bootstrap({"a": scores, "b": scores + 1}, _rng())
    np.testing.assert_allclose(resampled["b"] - resampled["a"], 1)
    assert np.ptp(resampled["a"]) > 0.1


def a_failed_seed_counts_as_the_worst_that_any_policy_did() -> None:
    """It is neither dropped nor anything else."""
    agent = np.array([[np.nan, np.nan], [4.0, 6.0]])
    resampled = statistics.bootstrap({"agent": agent, "random": np.array([[1.0, 3.0]])}, _rng())
    assert resampled["agent"][0] == np.mean([2.0, 5.0])


def a_failed_run_stays_a_seed() -> None:
    """Of a suite, and of a group of runs."""
    one = Played(*PPO, True, (sessions([[1.0]]),), (Curve(np.zeros(1, np.int32), np.zeros(1, np.float32)),))
    assert len(suite._row([one, None]).sessions) == 2
    finished, failed = (_trial(seed, one if seed == 0 else None) for seed in (0, 1))
    assert len(groups.Group("PPO", {}, (finished, failed)).played.sessions) == 2  # type: ignore[union-attr]


def a_repeated_seed_is_no_further_seed() -> None:
    """The first that finished stands for both."""
    one = Played(*PPO, True, (sessions([[1.0]]),))
    assert [trial.run.seed for trial in groups._each_seed_once([_trial(0, one), _trial(0, one), _trial(1, one)])] == [
        0,
        1,
    ]


def the_end_of_a_curve_is_its_last_points() -> None:
    """And not its best."""
    curve = Curve(np.arange(5, dtype=np.int32), np.array([0, 9, 1, 2, 3], np.float32))
    assert sections._final_window(Played(*PPO, True, (), (curve,))) == 2


def other_users_are_not_compared() -> None:
    """Two policies of which one met a user more."""
    both = [Played("a", "-", False, (sessions([[1], [0]], users=[0, one]),)) for one in (1, 2)]
    refuses(ValueError, lambda: table.scores([both[0], both[1]._replace(policy="b")]))


def fewest_seeds_give_the_stamp() -> None:
    """Three seeds beside ten are exploratory."""
    agents = [
        Played(name, "observed", True, tuple(sessions([[1.0], [0.0]]) for _ in range(seeds)))
        for name, seeds in (("few", 3), ("many", 10))
    ]
    assert table.summarise(agents, np.eye(3), np.ones(3), _rng()).stamp.startswith("EXPLORATORY: 3 seeds")


def a_label_asks_for_the_whole_interval() -> None:
    """20 % more, give or take 20 %, is undecided."""
    spread = np.append(12, np.random.default_rng(0).normal(12, 1, 1000))
    resampled = {RANDOM: _certain(1), GREEDY_ORACLE: _certain(10), PLANNER: spread}
    assert planning_gap.judge(resampled).label == "UNDECIDED"


def credit_is_zero_for_the_oracle_and_one_for_the_planner() -> None:
    """And half between them."""
    resampled = {RANDOM: _certain(1), GREEDY_ORACLE: _certain(16), PLANNER: _certain(24), PPO: _certain(20)}
    of = planning_gap.judge(resampled).credits
    found = [credit.value for key in (GREEDY_ORACLE, PPO, PLANNER) if (credit := of[key])]
    assert found == [0, 0.5, 1]


def a_win_takes_ten_seeds() -> None:
    """However sure its interval."""
    resampled = {RANDOM: _certain(1), GREEDY_ORACLE: _certain(16), PLANNER: _certain(24), PPO: _certain(20)}
    nine = Played(*PPO, True, (sessions([[1.0]]),) * 9)
    (sentence,) = planning_gap.verdicts(planning_gap.judge(resampled), [nine])
    assert "beats" not in sentence


def p_values_are_welchs_two_sided_and_the_weaker_of_two_one_sided() -> None:
    """Of two small groups, by hand."""
    ours, theirs = np.array([-1.0, 0, 1]), np.array([-0.5, 0.5, 1.5])
    found = significance.compare_seeds(ours, theirs, margin=2)
    error = np.sqrt(2 / 3)
    assert found is not None
    np.testing.assert_allclose(found, [2 * stats.t.sf(0.5 / error, 4), stats.t.sf(1.5 / error, 4)])


def p_values_are_corrected_for_their_number() -> None:
    """By Holm's steps."""
    np.testing.assert_allclose(significance.holm([0.03, 0.01, 0.04]), [0.06, 0.03, 0.06])


def tuning_seeds_and_reported_seeds_are_apart() -> None:
    """A reported run refuses the former, a tuning run the latter."""
    for seed, validation in ((2_000_000, None), (0, 0.2)):
        cfg: Any = SimpleNamespace(seed=seed, env=SimpleNamespace(population={"validation": validation}))
        refuses(UsageError, partial(inputs._check_tuning, cfg))


def one_collapsed_seed_is_named() -> None:
    """Behind two healthy ones."""
    varied, narrow = np.arange(200).reshape(10, 20), np.zeros((10, 20))
    seeds = tuple(sessions(np.zeros((10, 20)), items=items) for items in (varied, narrow, varied))
    oracle = Played(*GREEDY_ORACLE, False, seeds[:1])
    found = guards.collapses([oracle, Played(*PPO, True, seeds)], 200)
    assert [(collapse.policy, collapse.seeds) for collapse in found] == [("PPO", 1)]


def refuses(error: type[Exception], call: Callable[[], object]) -> None:
    """Fail unless `call` raises."""
    try:
        call()
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _certain(value: float) -> statistics.Resampled:
    return np.full(1001, float(value))


def _trial(seed: int, one: Played | None) -> groups.Trial:
    run: Any = SimpleNamespace(seed=seed, status="finished" if one else "failed")
    return groups.Trial(run, one)


CHECKS: tuple[Callable[[], None], ...] = (
    sessions_end_where_the_user_leaves,
    every_step_of_a_session_is_played,
    a_click_is_that_step_s_luck_below_the_enjoyment,
    the_same_luck_gives_the_same_sessions,
    nobody_is_both_trained_on_and_held_out,
    what_is_known_of_users_comes_before_what_is_predicted,
    every_step_counts_and_users_weigh_the_same,
    a_slate_is_one_step_and_its_items_are_recommendations,
    half_of_a_tie_lies_below,
    the_middle_half_of_the_seeds_counts,
    an_interval_is_the_middle_95_percent_of_the_resamples,
    an_interval_spans_the_seeds_and_not_the_sessions,
    policies_meet_the_same_resampled_users,
    a_failed_seed_counts_as_the_worst_that_any_policy_did,
    a_failed_run_stays_a_seed,
    a_repeated_seed_is_no_further_seed,
    the_end_of_a_curve_is_its_last_points,
    other_users_are_not_compared,
    fewest_seeds_give_the_stamp,
    a_label_asks_for_the_whole_interval,
    credit_is_zero_for_the_oracle_and_one_for_the_planner,
    a_win_takes_ten_seeds,
    p_values_are_welchs_two_sided_and_the_weaker_of_two_one_sided,
    p_values_are_corrected_for_their_number,
    tuning_seeds_and_reported_seeds_are_apart,
    one_collapsed_seed_is_named,
)
