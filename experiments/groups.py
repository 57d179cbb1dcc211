"""Stored runs as groups: runs that differ in their seed only are one group, and groups differ by named keys."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from recloop.experiments.recommended import FIGURES
from recloop.experiments.run import plain
from recloop.experiments.sessions import Curve, Played, Sessions
from recloop.experiments.stored import StoredRun

COMPARED = ("name", "steps", "env", "prompts", "encoder", "projection", "agent", "evaluation")
"""Top-level keys in which runs of a group agree: all that may change a figure, but the seed and the machine."""


LABEL_CHARACTERS = 40


class Trial(NamedTuple):
    """One agent that was trained with one seed."""

    run: StoredRun
    played: Played | None  # None unless it has finished
    recommended: Mapping[str, float] = {}  # figures of what it recommended at the end, as far as its journal has them

    @property
    def identity(self) -> dict[str, Any]:
        """What it shares with the other seeds of its group."""
        return {key: value for key, value in plain(self.run.config).items() if key in COMPARED}

    @property
    def minutes(self) -> float:
        """From start to end; NaN while it has none."""
        try:
            began, ended = (datetime.fromisoformat(str(self.run.manifest[key])) for key in ("started", "ended"))
            return (ended - began).total_seconds() / 60
        except (ValueError, TypeError):  # no end, no date, or only one of them with a time zone
            return math.nan


class Group(NamedTuple):
    """Trials that differ in their seed only."""

    policy: str
    identity: dict[str, Any]
    trials: tuple[Trial, ...]  # by rising seed, each seed once
    label: str = ""  # the policy, and the keys in which it differs from others of the name, or a number
    keys: Mapping[str, str] = {}  # those keys, where the label has the number

    @property
    def played(self) -> Played | None:
        """What its seeds played, a failed one as NaN; None when none has finished."""
        finished = [trial.played for trial in self.trials if trial.played]
        if not finished:
            return None
        sessions = [
            trial.played.sessions[0] if trial.played else _failed(finished[0].sessions[0])
            for trial in self.trials
            if trial.played or trial.run.status == "failed"
        ]
        return Played(self.label, finished[0].sees, True, tuple(sessions), _comparable(finished))


def trials_of(runs: Sequence[StoredRun]) -> list[Trial]:
    """The single runs among `runs` and in their suites."""
    single = [one for run in runs for one in (run.cells if run.is_suite else [run])]
    return [Trial(one, _agent(one), _recommended(one)) for one in single]


def group(trials: Sequence[Trial]) -> list[Group]:
    """Groups in the order of their first trials; of a seed that was run again, the first run that has finished."""
    by_identity: dict[str, list[Trial]] = {}
    for trial in trials:
        by_identity.setdefault(json.dumps(_canonical(trial.identity), sort_keys=True), []).append(trial)
    groups = [
        Group(_policy(members), members[0].identity, _each_seed_once(members)) for members in by_identity.values()
    ]
    return _labelled([one._replace(keys=_keys(one, groups)) for one in groups])


def differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[str, str]]:
    """The keys in which two configurations differ, with both values; a part of another class is one difference."""
    found: dict[str, tuple[str, str]] = {}
    for key in dict.fromkeys([*one, *other]):
        a, b = one.get(key), other.get(key)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict) and a.get("_target_") == b.get("_target_"):
            found |= differences(a, b, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _in_short(a), _in_short(b)
    return found


def _canonical(node: Any) -> Any:
    """The same for 1 and 1.0, and for none and a key that is not there, which do not differ."""
    if isinstance(node, dict):
        return {key: _canonical(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_canonical(value) for value in node]
    return float(node) if isinstance(node, int) and not isinstance(node, bool) else node


def _agent(run: StoredRun) -> Played | None:
    if run.status != "finished":
        return None
    return next((one for one in run.played() if one.trained), None)


def _recommended(run: StoredRun) -> dict[str, float]:
    if run.status != "finished":
        return {}
    rows = run.journal
    found = {figure.name: rows[-1].get(f"final/{figure.name}") if rows else None for figure in FIGURES}
    return {name: value for name, value in found.items() if isinstance(value, float)}


def _comparable(finished: Sequence[Played]) -> tuple[Curve, ...]:
    """The curves of all seeds, if there are steps at which each was evaluated."""
    curves = tuple(curve for one in finished for curve in one.curves)
    common = reduce(np.intersect1d, [curve.steps for curve in curves]) if curves else ()
    return curves if len(common) else ()


def _policy(trials: Sequence[Trial]) -> str:
    named = (trial.played.policy for trial in trials if trial.played)
    return next(named, _in_short(trials[0].identity["agent"]))


def _each_seed_once(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    by_seed: dict[int, Trial] = {}
    for trial in trials:
        kept = by_seed.get(trial.run.seed)
        if kept is None or (kept.played is None and trial.played is not None):
            by_seed[trial.run.seed] = trial
    return tuple(by_seed[seed] for seed in sorted(by_seed))


def _keys(one: Group, groups: Sequence[Group]) -> dict[str, str]:
    """The keys in which a group differs from others of the same policy, with its values."""
    others = [other for other in groups if other.policy == one.policy and other is not one]
    found = {key: ours for other in others for key, (ours, _) in differences(one.identity, other.identity).items()}
    return dict(sorted(found.items()))


def _labelled(groups: Sequence[Group]) -> list[Group]:
    """Labels that tell groups apart: policy and keys, or policy and number where that would be too long to read."""
    full = [", ".join([one.policy, *(f"{key}={value}" for key, value in one.keys.items())]) for one in groups]
    crowded = {one.policy for one, label in zip(groups, full, strict=True) if len(label) > LABEL_CHARACTERS}
    numbers = Counter[str]()
    labelled = []
    for one, label in zip(groups, full, strict=True):
        numbers[one.policy] += 1
        if one.keys and one.policy in crowded:
            labelled.append(one._replace(label=f"{one.policy} #{numbers[one.policy]}"))
        else:
            labelled.append(one._replace(label=label, keys={}))
    return labelled


def _in_short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return str(value.get("_target_", "other keys")).rpartition(".")[2]
    return str(value)


def _failed(like: Sessions) -> Sessions:
    nothing = np.full_like(like.clicks, np.nan)
    return Sessions(like.users, np.full_like(like.items, -1), nothing, nothing)
