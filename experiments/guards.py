"""Policies that have collapsed onto few items, named by rule under every table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recloop.experiments import metrics
from recloop.experiments.planning_gap import GREEDY_ORACLE, RANDOM
from recloop.experiments.sessions import Key, Played, Sessions

FEW_A_SESSION = 3
"""Different items a session below which a policy that mostly repeats itself has collapsed."""

SHARE_OF_REFERENCE = 0.1
"""Of the reference's effective number of items; a policy below has collapsed."""


class Collapse(NamedTuple):
    """A policy of which at least one seed has collapsed."""

    policy: str
    sees: str
    trained: bool
    seeds: int  # that have collapsed
    seeds_played: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """`COLLAPSED: PPO (observed), 2 of 10 seeds: 1.4 different items a session`; small letters for baselines."""
        seeds = f", {self.seeds} of {self.seeds_played} seeds" if self.trained else ""
        word = "COLLAPSED" if self.trained else "collapsed"
        return f"{word}: {self.policy} ({self.sees}){seeds}: {'; '.join(self.reasons)}"


class _Variety(NamedTuple):
    """How much of the catalog one seed uses."""

    distinct: float  # different items a session
    repeats: float  # share of its recommendations
    effective: float  # items over all sessions


def collapses(played: Sequence[Played], num_items: int) -> tuple[Collapse, ...]:
    """The policies that have collapsed onto few items, trained agents first.

    A seed has collapsed when it shows fewer than 3 different items a session while more than half of its
    recommendations are repeats, or when its effective number of items over all users is below a tenth of the greedy
    oracle's (random's where no oracle was played). Each seed is judged alone, for a mean over seeds would hide one. A
    seed whose training failed has shown nothing. Where the greedy oracle is named too, the reward asks for repeats.
    """
    seeds = {one.key: [_variety(sessions, num_items) for sessions in _whole(one)] for one in played}
    reference = _reference(seeds)
    found = [_collapse(one, seeds[one.key], *reference) for one in played]
    return tuple(sorted(filter(None, found), key=lambda collapse: not collapse.trained))


def _whole(played: Played) -> list[Sessions]:
    return [sessions for sessions in played.sessions if not np.isnan(sessions.clicks).any()]


def _variety(sessions: Sessions, num_items: int) -> _Variety:
    return _Variety(
        metrics.distinct_items(sessions, num_items),
        metrics.repeats(sessions, num_items),
        metrics.effective_items(sessions, num_items),
    )


def _reference(seeds: Mapping[Key, Sequence[_Variety]]) -> tuple[str, float]:
    """Name and effective number of items of what the others are held against; no item where it was not played."""
    for key in (GREEDY_ORACLE, RANDOM):
        if seeds.get(key):
            return key[0], float(np.mean([seed.effective for seed in seeds[key]]))
    return "", 0.0


def _collapse(played: Played, seeds: Sequence[_Variety], reference: str, effective: float) -> Collapse | None:
    narrow = [seed for seed in seeds if seed.distinct < FEW_A_SESSION and seed.repeats > 0.5]
    alike = [seed for seed in seeds if seed.effective < SHARE_OF_REFERENCE * effective]
    reasons = []
    if narrow:
        reasons.append(f"{np.mean([seed.distinct for seed in narrow]):.1f} different items a session")
    if alike:
        mean = np.mean([seed.effective for seed in alike])
        reasons.append(f"{mean:.0f} effective items over all users ({reference}: {effective:.0f})")
    if not reasons:
        return None
    count = sum(seed in narrow or seed in alike for seed in seeds)
    return Collapse(*played.key, played.trained, count, len(seeds), tuple(reasons))
