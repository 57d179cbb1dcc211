"""The planning gap of small worlds, exactly: tables, a finite horizon, backward induction.

What `recloop gap` estimates in a world of thousands of items is known here to the last digit, so that the estimates can
be held against it. (Puterman, 1994, Markov Decision Processes, chapter 4.)
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.statistics import Estimate, bootstrap, estimate

Table: TypeAlias = NDArray[np.float64]

_TIE = 1e-10
"""Actions whose values differ by less are equally good."""


class MDP(NamedTuple):
    """A Markov decision process of `horizon` steps, without discount.

    Every function that takes one raises ValueError when its tables do not fit (`check`).
    """

    transitions: Table  # [states, actions, states] probability of the next state
    rewards: Table  # [states, actions] expected reward of the step
    start: Table  # [states] probability of the first state
    horizon: int

    def check(self) -> None:
        """Refuse tables that do not fit together, and rows that are no probabilities."""
        states, actions = self.rewards.shape
        if self.transitions.shape != (states, actions, states) or self.start.shape != (states,):
            raise ValueError(
                f"transitions {self.transitions.shape} and start {self.start.shape} for rewards {self.rewards.shape}; "
                f"give {(states, actions, states)} and {(states,)}"
            )
        for name, rows in (("transitions", self.transitions), ("start", self.start)):
            if (rows < 0).any() or not np.allclose(rows.sum(axis=-1), 1):
                raise ValueError(f"{name}: a row is no distribution; give probabilities that add up to 1")
        if self.horizon < 1:
            raise ValueError(f"horizon is {self.horizon}; a session has at least 1 step")


class Exact(NamedTuple):
    """What is exactly true of a small world; J is the expected return of a session."""

    random: float  # J of uniform actions
    myopic: float  # J of the greedy oracle, ties at random
    best: float  # J of the best policy
    planning_gap: float  # 1 - clip((myopic - random) / (best - random), 0, 1); 0 where nothing is to be gained
    uplift: float  # (best - myopic) / |myopic|
    action_influence: float  # see `action_influence`
    effective_horizon: int  # see `effective_horizon`

    def planning_credit(self, value: float) -> float:
        """PC = (value - myopic) / (best - myopic); NaN where planning gains nothing."""
        lead = self.best - self.myopic
        return (value - self.myopic) / lead if lead > _TIE else float("nan")


def solve(mdp: MDP) -> Exact:
    """Every figure by dynamic programming."""
    mdp.check()
    random, myopic = value_of(mdp, uniform(mdp)), value_of(mdp, lookahead(mdp, 1))
    best = value_of(mdp, lookahead(mdp, mdp.horizon))
    attainable = best - random
    return Exact(
        random=random,
        myopic=myopic,
        best=best,
        planning_gap=1 - float(np.clip((myopic - random) / attainable, 0, 1)) if attainable > _TIE else 0.0,
        uplift=(best - myopic) / max(abs(myopic), 1e-9),
        action_influence=action_influence(mdp),
        effective_horizon=effective_horizon(mdp),
    )


def uniform(mdp: MDP) -> Table:
    """The policy that takes every action alike, [horizon, states, actions]."""
    return np.full((mdp.horizon, *mdp.rewards.shape), 1 / mdp.rewards.shape[1])


def lookahead(mdp: MDP, steps: int) -> Table:
    """The policy that maximises the return of the next `steps` steps and counts nothing after them.

    Its probabilities [horizon, states, actions]: ties are broken at random. With 1 step it is the greedy oracle, with
    `horizon` steps the best policy.
    """
    ahead = [mdp.rewards]  # what is best within 1, 2, ... steps, [states, actions]
    while len(ahead) < min(steps, mdp.horizon):
        ahead.append(mdp.rewards + mdp.transitions @ ahead[-1].max(axis=1))
    left = [min(steps, mdp.horizon - step) for step in range(mdp.horizon)]
    return np.stack([_argmax(ahead[count - 1]) for count in left])


def improved(mdp: MDP, base: Table) -> Table:
    """What a rollout planner plays: the first action of the highest return if the policy `base` plays on after it."""
    policy, later = np.empty_like(base), np.zeros(len(mdp.start))
    for step in reversed(range(mdp.horizon)):
        values = mdp.rewards + mdp.transitions @ later  # [states, actions]
        policy[step], later = _argmax(values), (base[step] * values).sum(axis=1)
    return policy


def value_of(mdp: MDP, policy: Table) -> float:
    """Expected return of a policy [horizon, states, actions] from the start."""
    later = np.zeros(len(mdp.start))
    for probabilities in reversed(policy):
        later = (probabilities * (mdp.rewards + mdp.transitions @ later)).sum(axis=1)
    return float(mdp.start @ later)


def action_influence(mdp: MDP) -> float:
    """Mean total-variation distance between the next states of two different actions; 0 certifies a bandit.

    The mean is over pairs of actions, and over the states that uniform actions meet before the last step.
    """
    one, other = np.triu_indices(mdp.rewards.shape[1], k=1)
    if mdp.horizon == 1 or len(one) == 0:
        return 0.0
    distance = np.abs(mdp.transitions[:, one] - mdp.transitions[:, other]).sum(axis=2) / 2  # [states, pairs]
    met, now = np.zeros_like(mdp.start), mdp.start
    for _ in range(mdp.horizon - 1):
        met, now = met + now, now @ mdp.transitions.mean(axis=1)
    return float(met @ distance.mean(axis=1) / met.sum())


def effective_horizon(mdp: MDP, share: float = 0.01) -> int:
    """The least number of steps with which `lookahead` comes within `share` of the best value."""
    best = value_of(mdp, lookahead(mdp, mdp.horizon))
    enough = best - share * abs(best) - _TIE
    return next(steps for steps in range(1, mdp.horizon + 1) if value_of(mdp, lookahead(mdp, steps)) >= enough)


def _argmax(values: Table) -> Table:
    """1 over the number of best actions at each of them, 0 elsewhere, [states, actions]."""
    best = values >= values.max(axis=1, keepdims=True) - _TIE
    return np.asarray(best / best.sum(axis=1, keepdims=True))


class Bracket(NamedTuple):
    """The best value between two estimates of simulated sessions."""

    low: Estimate  # of a rollout planner
    high: Estimate  # of whoever knows the luck

    def holds(self, value: float) -> bool:
        """Whether `value` lies between the lower end of the one interval and the upper end of the other."""
        return self.low.low <= value <= self.high.high


def bracket(mdp: MDP, sessions: int, rng: np.random.Generator) -> Bracket:
    """The best value between what a rollout planner makes in `sessions` sessions and their clairvoyant optimum.

    Both meet the same luck: a uniform number a step, of which the next state is the quantile. Whoever knows the luck
    does at least as well as anybody who does not, session by session (weak duality: Brown, Smith and Sun, 2010).
    """
    mdp.check()
    noise = rng.random((mdp.horizon, sessions))
    first = rng.choice(len(mdp.start), size=sessions, p=mdp.start)
    bounds = np.cumsum(mdp.transitions, axis=2)[..., :-1]  # [states, actions, states - 1]
    played = _simulate(mdp, improved(mdp, lookahead(mdp, 1)).argmax(axis=2), bounds, noise, first)
    known = _clairvoyant(mdp, bounds, noise)[np.arange(sessions), first]
    resampled = bootstrap({"played": played[None], "known": known[None]}, rng)
    return Bracket(estimate(resampled["played"]), estimate(resampled["known"]))


def _simulate(mdp: MDP, actions: NDArray[np.int64], bounds: Table, noise: Table, first: NDArray[np.int64]) -> Table:
    """Returns [sessions] of the policy that takes `actions` [horizon, states]."""
    total, state = np.zeros(len(first)), first
    for choose, luck in zip(actions, noise, strict=True):
        action = choose[state]
        total += mdp.rewards[state, action]
        state = (luck[:, None] >= bounds[state, action]).sum(axis=1)
    return total


def _clairvoyant(mdp: MDP, bounds: Table, noise: Table) -> Table:
    """The best return from every first state for who knows the luck, [sessions, states]."""
    later = np.zeros((noise.shape[1], len(mdp.start)))
    for luck in reversed(noise):
        following = (luck[:, None, None, None] >= bounds).sum(axis=3)  # [sessions, states, actions]
        reached = np.take_along_axis(later[:, None, :], following, axis=2)  # [sessions, states, actions]
        later = (mdp.rewards + reached).max(axis=2)
    return later
