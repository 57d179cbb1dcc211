"""What two makings of the same run came to, bit by bit."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recloop.experiments.checkpoints import load_weights, weights_hash
from recloop.experiments.errors import UsageError
from recloop.experiments.manifest import RESULTS
from recloop.experiments.untrusted import read

if TYPE_CHECKING:
    from recloop.experiments.sessions import Played, Sessions
    from recloop.experiments.stored import StoredRun

WEIGHTS = RESULTS["weights_sha256"]


class Comparison(NamedTuple):
    """What was compared, and what differs first."""

    compared: tuple[str, ...]  # "journal (12 rows)"
    first: str | None  # None when all of it is the same bits


def compare(was: "StoredRun", here: "StoredRun") -> Comparison:
    """Hold a run against the same run made again: journal, weights, sessions, as far as the first has kept them.

    Of a suite, which trains nothing itself, the baselines.

    Raises:
        UsageError: it has kept none of them, or a file is damaged.
    """
    compared, found = [], list[str | None]()
    if (was.folder / "metrics.jsonl").exists():
        compared.append(f"journal ({len(was.journal):,} rows)")
        found.append(first_in_journals(was.journal, here.journal))
    if (was.folder / WEIGHTS).exists() or "weights_sha256" in was.manifest.get("results", {}):
        compared.append("weights")
        found.append(_first_in_weights(was, here))
    if (was.folder / "episodes.parquet").exists():
        before, after = ([one for one in run.played() if not (was.is_suite and one.trained)] for run in (was, here))
        compared.append(f"sessions ({sum(len(seed.users) for one in before for seed in one.sessions):,})")
        found.append(first_in_sessions(before, after))
    if not compared:
        raise UsageError(
            f"{was.folder}: neither journal nor weights nor sessions are there; there is nothing to compare"
        )
    return Comparison(tuple(compared), next(filter(None, found), None))


def first_in_journals(was: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]) -> str | None:
    """The first row and key in which two journals differ, with both values."""
    for number, (before, after) in enumerate(zip_longest(was, here)):
        if before is None or after is None:
            return f"journal: {len(was)} rows in the run, {len(here)} here"
        for key in {**before, **after}:
            if key not in before or key not in after or before[key] != after[key]:
                told = f"{_value(before, key)} in the run, {_value(after, key)} here"
                return f"journal row {number} (steps {before.get('steps', '?')}), {key}: {told}"
    return None


def _value(row: Mapping[str, Any], key: str) -> str:
    return repr(row[key]) if key in row else "missing"


def _first_in_weights(was: "StoredRun", here: "StoredRun") -> str | None:
    after = here.file(WEIGHTS)
    if not (was.folder / WEIGHTS).exists():
        same = was.manifest["results"]["weights_sha256"] == weights_hash(after)
        return None if same else "weights: another SHA-256 than the manifest of the run tells"
    before = was.file(WEIGHTS)
    return None if weights_hash(before) == weights_hash(after) else first_in_weights(before, after)


def first_in_weights(was: Path, here: Path) -> str | None:
    """The first tensor in which two weights files differ, and by how much at most.

    Raises:
        UsageError: a file is damaged.
    """
    before, after = read(was, load_weights), read(here, load_weights)
    for name in {**before, **after}:
        if name not in before or name not in after or before[name].shape != after[name].shape:
            return f"weights: {name} {_shape(before, name)} in the run, {_shape(after, name)} here"
        apart = (before[name] - after[name]).abs()
        if not bool((apart == 0).all()):
            return f"weights: {name} differs by up to {float(apart.max()):.2g}"
    return None


def _shape(weights: Mapping[str, Any], name: str) -> str:
    return str(list(weights[name].shape)) if name in weights else "missing"


def first_in_sessions(was: "Sequence[Played]", here: "Sequence[Played]") -> str | None:
    """The first policy, seed and session that did not go the same way."""
    if _rows(was) != _rows(here):
        return f"table: {_rows(was)} in the run, {_rows(here)} here"
    for before, after in zip(was, here, strict=True):
        for seed, pair in enumerate(zip(before.sessions, after.sessions, strict=True)):
            if told := _first_session(*pair):
                return f"sessions of {before.policy} ({before.sees}), seed {seed}: {told}"
    return None


def _rows(played: "Sequence[Played]") -> str:
    return ", ".join(f"{one.policy} ({one.sees}, {len(one.sessions)} seeds)" for one in played)


def _first_session(was: "Sessions", here: "Sessions") -> str | None:
    for name, before, after in zip(was._fields, was, here, strict=True):
        if before.shape != after.shape:
            return f"{name} {list(before.shape)} in the run, {list(after.shape)} here"
        apart = (before != after) & ~((before != before) & (after != after))  # NaN, of a failed seed, is NaN
        if apart.any():
            place = tuple(int(index) for index in np.argwhere(apart)[0])
            return f"{name}{list(place)} is {before[place]:g} in the run, {after[place]:g} here"
    return None
