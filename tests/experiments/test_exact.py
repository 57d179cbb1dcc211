"""The planning gap of small worlds, exactly, and the estimates of the large ones held against it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.experiments.exact import (
    MDP,
    action_influence,
    bracket,
    effective_horizon,
    improved,
    lookahead,
    solve,
    uniform,
    value_of,
)
from recloop.experiments.statistics import bootstrap, estimate

HORIZON = 20


def made_up(seed: int, *, free: bool = False, states: int = 6, actions: int = 4, horizon: int = 8) -> MDP:
    """A random world; where it is `free`, what is done does not change what comes next."""
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.5), size=(states, actions))
    if free:
        transitions[:] = transitions[:, :1]
    return MDP(transitions, rng.random((states, actions)), rng.dirichlet(np.ones(states)), horizon)


def delayed(cost: float) -> MDP:
    """A treat pays 1 and tires, plain fare pays 0.6, a dud nothing; all pay `cost` less to who is tired."""
    transitions = np.zeros((2, 3, 2))
    transitions[:, 0, 1] = transitions[:, 1:, 0] = 1
    rewards = np.array([[1, 0.6, 0]]) - np.array([[0], [cost]])
    return MDP(transitions, rewards, np.array([1.0, 0.0]), HORIZON)


def choc_kale(levels: int = 5) -> MDP:
    """Chocolate pays satisfaction now and lowers it, kale pays a fifth of that and raises it (after RecSim)."""
    satisfaction = np.linspace(0, 1, levels)
    transitions = np.zeros((levels, 2, levels))
    for level in range(levels):
        transitions[level, 0, max(level - 1, 0)] = transitions[level, 1, min(level + 1, levels - 1)] = 1
    return MDP(transitions, satisfaction[:, None] * np.array([1.0, 0.2]), np.eye(levels)[levels // 2], HORIZON)


def boredom() -> MDP:
    """Two items that pay 1 each, and 0.1 to whoever saw the same one before: seen at once, so greedy is right."""
    transitions = np.zeros((3, 2, 3))
    transitions[:, 0, 1] = transitions[:, 1, 2] = 1
    return MDP(transitions, np.array([[1, 1], [0.1, 1], [1, 0.1]]), np.array([1.0, 0, 0]), HORIZON)


def test_a_delayed_cost_by_hand() -> None:
    """At cost 1 the greedy oracle gets its treat once, the best policy 19 times plain fare and a treat at the end."""
    exact = solve(delayed(1.0))
    assert exact.myopic == pytest.approx(1)
    assert exact.best == pytest.approx(19 * 0.6 + 1)
    assert exact.random == pytest.approx(20 * 1.6 / 3 - 19 / 3)
    assert (exact.planning_gap, exact.effective_horizon) == (1, 2)
    assert exact.action_influence == pytest.approx(2 / 3)  # the dud and plain fare leave the same behind
    assert exact.uplift == pytest.approx(11.4)
    assert exact.planning_credit(exact.best) == 1


def test_boredom_that_is_seen_at_once_leaves_nothing_to_plan_although_every_action_counts() -> None:
    exact = solve(boredom())
    assert (exact.planning_gap, exact.uplift, exact.effective_horizon) == (0, 0, 1)
    assert exact.best == pytest.approx(HORIZON)
    assert exact.action_influence == 1
    assert np.isnan(exact.planning_credit(3.0))


def test_chocolate_and_kale_make_the_greedy_oracle_worse_than_random() -> None:
    exact = solve(choc_kale())
    assert exact.myopic < exact.random < exact.best
    assert exact.planning_gap == 1
    assert exact.action_influence == 1
    assert exact.effective_horizon > 2


def test_ties_are_broken_at_random() -> None:
    np.testing.assert_array_equal(lookahead(boredom(), 1)[0], [[0.5, 0.5], [0, 1], [1, 0]])


@given(st.integers(0, 10_000))
def test_no_policy_beats_the_best_and_each_step_of_lookahead_is_a_policy(seed: int) -> None:
    mdp = made_up(seed, states=4, actions=3, horizon=5)
    exact = solve(mdp)
    values = [value_of(mdp, lookahead(mdp, steps)) for steps in range(1, 6)]
    better = value_of(mdp, improved(mdp, lookahead(mdp, 1)))
    assert max(values) == values[-1] == exact.best
    assert exact.myopic <= better + 1e-9
    assert better <= exact.best + 1e-9
    assert effective_horizon(mdp, share=0) <= mdp.horizon
    assert 0 <= exact.action_influence <= 1


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_where_actions_change_nothing_there_is_no_gap_and_no_influence(seed: int) -> None:
    exact = solve(made_up(seed, free=True))
    assert (exact.planning_gap, exact.uplift, exact.action_influence, exact.effective_horizon) == (0, 0, 0, 1)


@pytest.mark.slow
def test_where_actions_change_nothing_there_is_no_gap_and_no_influence_in_200_of_200() -> None:
    found = [solve(made_up(seed, free=True, states=20, actions=10, horizon=20)) for seed in range(200)]
    assert {(exact.planning_gap, exact.action_influence, exact.effective_horizon) for exact in found} == {(0, 0, 1)}


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_gap_and_credit_do_not_depend_on_the_unit_and_the_zero_of_the_reward(
    seed: int, scale: float, shift: float
) -> None:
    mdp = made_up(seed)
    other = mdp._replace(rewards=scale * mdp.rewards + shift)
    before, after = solve(mdp), solve(other)
    policy = improved(mdp, uniform(mdp))
    assert after.planning_gap == pytest.approx(before.planning_gap, abs=1e-6)
    assert after.planning_credit(value_of(other, policy)) == pytest.approx(
        before.planning_credit(value_of(mdp, policy)), abs=1e-4, nan_ok=True
    )


def test_a_larger_delayed_cost_makes_a_larger_gap() -> None:
    gaps = [solve(delayed(cost)).planning_gap for cost in np.linspace(0, 1, 21)]
    assert (np.diff(gaps) >= -1e-12).all()
    assert gaps[0] == 0
    assert gaps[-1] == 1
    assert len({round(gap, 6) for gap in gaps}) > 5


@pytest.mark.parametrize("seed", range(5))
def test_the_best_value_lies_in_the_simulated_bracket(seed: int) -> None:
    mdp = made_up(seed)
    assert bracket(mdp, 300, np.random.default_rng([seed, 1])).holds(solve(mdp).best)


@pytest.mark.slow
def test_the_best_value_lies_in_the_simulated_bracket_at_least_95_times_in_100() -> None:
    worlds = [made_up(seed, states=8, actions=5, horizon=12) for seed in range(100)]
    brackets = [bracket(mdp, 500, np.random.default_rng([seed, 1])) for seed, mdp in enumerate(worlds)]
    inside = [one.holds(solve(mdp).best) for one, mdp in zip(brackets, worlds, strict=True)]
    assert sum(inside) >= 95
    assert all(one.low.value <= one.high.value for one in brackets)


@pytest.mark.slow
def test_who_learns_only_the_next_reward_gets_no_credit_above_0_beyond_chance() -> None:
    """200 times a learner without foresight, on noisy rewards: its interval lies above 0 in 7 % at most."""
    above = [_credit_of_who_learns_rewards(seed) > 0 for seed in range(200)]
    assert np.mean(above) <= 0.07


def _credit_of_who_learns_rewards(seed: int) -> float:
    """Lower end of the interval of J - J_myopic, over 200 sessions; each reward seen 400 times with noise."""
    rng, mdp = np.random.default_rng(seed), made_up(seed)
    seen = mdp._replace(rewards=mdp.rewards + rng.normal(0, 0.1 / 20, mdp.rewards.shape))
    returns = [_returns(mdp, policy, rng, 200) for policy in (lookahead(seen, 1), lookahead(mdp, 1))]
    resampled = bootstrap({"learned": returns[0][None], "myopic": returns[1][None]}, rng)
    return estimate(resampled["learned"] - resampled["myopic"]).low


def _returns(
    mdp: MDP, policy: np.ndarray, rng: np.random.Generator, sessions: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    state, total = rng.choice(len(mdp.start), size=sessions, p=mdp.start), np.zeros(sessions)
    for step in range(mdp.horizon):
        action = policy[step].argmax(axis=1)[state]
        total += mdp.rewards[state, action]
        bounds = np.cumsum(mdp.transitions[state, action], axis=1)[:, :-1]  # [sessions, states - 1]
        state = (rng.random((sessions, 1)) >= bounds).sum(axis=1)
    return total


def test_a_row_that_is_no_distribution_is_refused() -> None:
    mdp = made_up(0)
    with pytest.raises(ValueError, match="transitions: a row is no distribution"):
        solve(mdp._replace(transitions=2 * mdp.transitions))
    with pytest.raises(ValueError, match="give"):
        solve(mdp._replace(start=np.ones(2) / 2))
    with pytest.raises(ValueError, match="horizon is 0"):
        solve(mdp._replace(horizon=0))


def test_a_world_of_one_step_or_one_action_has_no_influence() -> None:
    assert action_influence(made_up(0, horizon=1)) == 0
    assert action_influence(made_up(0, actions=1)) == 0
