import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.experiments.planning_gap import (
    GREEDY_ORACLE,
    HEURISTIC,
    LABELS,
    PLANNER,
    RANDOM,
    Judgement,
    interval,
    judge,
    stamp_seeds,
    verdicts,
)
from recloop.experiments.sessions import Key, Played, Sessions
from recloop.experiments.statistics import Estimate, Resampled

PPO: Key = ("PPO", "observed")


def certain(value: float) -> Resampled:
    """A figure without doubt: every resample says the same."""
    return np.full(1001, float(value))


def around(value: float, spread: float, seed: int = 0) -> Resampled:
    return np.append(value, np.random.default_rng(seed).normal(value, spread, 1000))


def environment(random: float, myopic: float, best: float) -> dict[Key, Resampled]:
    return {RANDOM: certain(random), GREEDY_ORACLE: certain(myopic), PLANNER: certain(best)}


@pytest.mark.parametrize(
    ("random", "myopic", "best", "gap", "uplift"),
    [
        (10.59, 18.44, 18.44, 0, 0),  # a static similarity reward
        (10.51, 18.10, 18.33, 0.03, 0.013),  # taste that drifts to what is shown
        (5.10, 2.81, 11.75, 1, 3.18),  # chocolate and kale: the greedy oracle is worse than random
        (8.82, 50.80, 75.79, 0.37, 0.49),  # boredom with time-outs
        (1, 1, 1, 0, 0),  # nothing to gain at all
    ],
)
def test_gap_and_uplift_of_known_environments(
    random: float, myopic: float, best: float, gap: float, uplift: float
) -> None:
    judgement = judge(environment(random, myopic, best))
    assert judgement.planning_gap is not None
    assert judgement.uplift is not None
    assert judgement.planning_gap.value == pytest.approx(gap, abs=0.005)
    assert judgement.uplift.value == pytest.approx(uplift, abs=0.005)


def test_credit_is_one_for_the_planner_zero_for_the_greedy_oracle_and_can_exceed_one() -> None:
    resampled = environment(1, 16, 24) | {PPO: certain(20), (HEURISTIC, "true state"): certain(26)}
    judgement = judge(resampled)
    values = {key: credit.value for key, credit in judgement.credits.items() if credit is not None}
    assert values[PLANNER] == 1
    assert values[GREEDY_ORACLE] == 0
    assert values[PPO] == 0.5
    assert values[HEURISTIC, "true state"] == 1.25
    assert judgement.best == (HEURISTIC, "true state")


def test_credit_is_undefined_where_the_planner_gains_nothing() -> None:
    resampled = environment(1, 16, 16) | {PPO: certain(20), PLANNER: around(16.1, 0.5)}
    assert set(judge(resampled).credits.values()) == {None}


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_gap_and_credit_do_not_depend_on_the_unit_and_the_zero_of_the_reward(scale: float, shift: float) -> None:
    resampled = {
        key: around(value, 0.2, seed)
        for seed, (key, value) in enumerate([(RANDOM, 1.0), (GREEDY_ORACLE, 16.0), (PLANNER, 23.0), (PPO, 20.0)])
    }
    before = judge(resampled)
    after = judge({key: scale * values + shift for key, values in resampled.items()})
    assert after.planning_gap == pytest.approx(before.planning_gap)
    assert after.credits[PPO] == pytest.approx(before.credits[PPO])


def test_the_label_asks_for_the_whole_interval() -> None:
    def label(uplift_percent: float, spread: float) -> str:
        return judge(environment(1, 10, 10) | {PLANNER: around(10 + uplift_percent / 10, spread)}).label

    assert label(20, 0.1) == "PLANNING"
    assert label(20, 1.0) == "UNDECIDED"  # the interval reaches below 5 %
    assert label(0, 0.05) == "MYOPIC-SUFFICIENT"
    assert label(0, 0.5) == "UNDECIDED"  # the interval reaches above 2 %
    assert label(3.5, 0.01) == "UNDECIDED"  # between the two


def test_a_bandit_is_certified_by_an_action_influence_of_zero_only() -> None:
    assert judge(environment(1, 10, 10), action_influence=0.0).label == "BANDIT"
    assert judge(environment(1, 10, 10), action_influence=0.01).label == "MYOPIC-SUFFICIENT"
    assert judge(environment(1, 10, 10)).label == "MYOPIC-SUFFICIENT"


def test_without_the_reference_policies_nothing_is_measured_and_nothing_decided() -> None:
    judgement = judge({PPO: certain(20)})
    assert judgement == Judgement("UNDECIDED", None, None, PPO, {PPO: None}, {}, {PPO: {}}, closed={})


def test_the_information_gap_is_what_the_same_policy_gains_from_true_states() -> None:
    resampled = {(HEURISTIC, "true state"): certain(23.5), (HEURISTIC, "observed"): certain(20.5), PPO: certain(20)}
    assert judge(resampled).information_gaps == {HEURISTIC: (3, 3, 3)}


def test_what_an_agent_closes_of_the_information_gap_is_measured_between_the_two_views_of_one_policy() -> None:
    resampled = {
        (HEURISTIC, "true state"): certain(20), (HEURISTIC, "observed"): certain(8), PPO: certain(11),
        ("PPO", "true state"): certain(23),
    }  # fmt: skip
    closed = judge(resampled).closed
    assert closed == {HEURISTIC: {PPO: (0.25, 0.25, 0.25)}, "PPO": {(HEURISTIC, "observed"): (-0.25, -0.25, -0.25)}}


def test_an_information_gap_that_may_be_none_is_closed_by_nobody() -> None:
    resampled = {(HEURISTIC, "true state"): around(20, 1), (HEURISTIC, "observed"): around(20, 1, 1), PPO: certain(11)}
    assert judge(resampled).closed == {}


def agent(seeds: int) -> list[Played]:
    none = np.zeros((0, 1), np.float32)
    nothing = Sessions(np.zeros(0, np.int32), np.zeros((0, 1), np.int32), none, none)
    return [Played(*PPO, True, (nothing,) * seeds)]


@pytest.mark.parametrize("best", [16.0, 16.5])
def test_no_sentence_says_that_an_agent_wins_unless_the_environment_needs_planning(best: float) -> None:
    judgement = judge(environment(1, 16, best) | {PPO: certain(best)})
    [sentence] = verdicts(judgement, agent(10))
    assert sentence == f"PPO (observed): no claim, for the environment is {judgement.label}."
    assert judgement.label != "PLANNING"


def test_an_agent_wins_when_the_whole_interval_of_its_credit_is_above_zero_and_the_seeds_carry_a_claim() -> None:
    better, doubtful = environment(1, 16, 24) | {PPO: around(20, 0.5)}, environment(1, 16, 24) | {PPO: around(17, 1)}
    assert "beats the greedy oracle by planning: planning credit 0.50 [" in verdicts(judge(better), agent(10))[0]
    assert "so far (9 seeds; a claim takes 10)" in verdicts(judge(better), agent(9))[0]
    assert "is not shown to plan" in verdicts(judge(doubtful), agent(10))[0]


@pytest.mark.parametrize(("ppo", "relation"), [(21.0, "above"), (20.0, "level with"), (19.0, "below")])
def test_an_agent_is_compared_with_the_heuristic_that_sees_the_same(ppo: float, relation: str) -> None:
    judgement = judge(environment(1, 16, 24) | {PPO: around(ppo, 0.1), (HEURISTIC, "observed"): certain(20)})
    assert f"; {relation} the boredom-aware heuristic that sees the same" in verdicts(judgement, agent(10))[0]


def test_a_claim_is_withheld_where_no_planner_was_played() -> None:
    resampled = {RANDOM: certain(1), GREEDY_ORACLE: certain(16), PPO: certain(20)}
    assert "no claim, for planning credit is undefined" in verdicts(judge(resampled), agent(10))[0]


@pytest.mark.parametrize(
    ("seeds", "stamp"),
    [(1, "EXPLORATORY: 1 seed,"), (4, "EXPLORATORY: 4 seeds,"), (5, "SCREENING: 5 seeds;"), (9, "SCREENING: 9 seeds;")],
)
def test_few_seeds_are_stamped(seeds: int, stamp: str) -> None:
    assert stamp_seeds(seeds).startswith(stamp)


def test_ten_seeds_carry_a_claim() -> None:
    assert stamp_seeds(10) == ""


def test_every_label_has_its_explanation() -> None:
    assert set(LABELS) == {"BANDIT", "MYOPIC-SUFFICIENT", "PLANNING", "UNDECIDED"}


def test_an_interval_without_width_is_printed_as_its_value_and_never_as_minus_zero() -> None:
    assert interval(Estimate(20.52, 20.1, 20.9), "z.1f") == "20.5 [20.1, 20.9]"
    assert interval(Estimate(0, 0, 0), "z.2f") == "0.00"
    assert interval(Estimate(-0.01, -0.02, 0.3), "z.1f") == "0.0 [0.0, 0.3]"
