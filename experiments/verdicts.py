"""The verdict on runs that were made again: identical, equivalent or different, and why."""

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from recloop.experiments.comparison import Comparison
from recloop.experiments.differences import Difference
from recloop.experiments.equivalence import Equivalence, tost
from recloop.experiments.metrics import clicks_per_user
from recloop.experiments.stored import StoredRun

SEEDS = 3
"""From so many seeds of one configuration on, the seeds are tested, not the users of each."""


class Outcome(NamedTuple):
    """A run and what came of making it again."""

    label: str
    was: StoredRun
    here: StoredRun
    differences: tuple[Difference, ...]
    comparison: Comparison

    def of(self, kind: str) -> list[Difference]:
        """The differences of one kind."""
        return [one for one in self.differences if one.kind == kind]


class Verdict(NamedTuple):
    """What is to be said of a run that was made again."""

    word: Literal["identical", "equivalent", "different"]
    reason: str
    test: Equivalence | None = None

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def judge(outcomes: Sequence[Outcome], margin_share: float) -> list[Verdict]:
    """A verdict on each outcome.

    Runs whose bits differ, where libraries, code or machine differ and nothing else, may be equivalent: two one-sided
    tests on clicks per session, paired by seed for `SEEDS` seeds of a configuration or more, else paired by user.

    Args:
        outcomes: what came of all the runs.
        margin_share: of the run's own clicks per session: a difference below it does not matter.
    """
    judged = {outcome.label: _without_test(outcome) for outcome in outcomes}
    tested: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if judged[outcome.label] is None:
            tested.setdefault(_all_but_seed(outcome.was), []).append(outcome)
    for group in tested.values():
        for outcome in group:
            judged[outcome.label] = _tested(outcome, group if len(group) >= SEEDS else [outcome], margin_share)
    return [verdict for verdict in judged.values() if verdict is not None]


def _without_test(outcome: Outcome) -> Verdict | None:
    """The verdict where no test can change it."""
    compared, first = outcome.comparison
    edited, inputs = outcome.of("edited"), outcome.of("inputs")
    if edited:
        ending = f"first difference: {first}" if first else "the bits that came out are the same"
        return Verdict("different", f"edited since the run was made: {_list(edited)}; {ending}")
    if first is None:
        return Verdict("identical", f"the same bits: {', '.join(compared)}")
    if inputs:
        return Verdict("different", f"other inputs: {_list(inputs)}; first difference: {first}")
    if not outcome.of("surroundings"):
        return Verdict("different", f"though all that is recorded is the same; first difference: {first}")
    return None


def _list(found: Sequence[Difference]) -> str:
    return ", ".join(map(str, found))


def _all_but_seed(run: StoredRun) -> str:
    config: Any = OmegaConf.to_container(run.config)
    return json.dumps({name: value for name, value in config.items() if name not in ("seed", "run_dir")})


def _tested(outcome: Outcome, group: Sequence[Outcome], margin_share: float) -> Verdict:
    by_seed = len(group) > 1
    pairs = [(_clicks(one.was), _clicks(one.here)) for one in group]
    first = f"first difference: {outcome.comparison.first}"
    if any(was.shape != here.shape for was, here in pairs):
        return Verdict("different", f"other users were met; {first}")
    apart = np.array([(here - was).mean() for was, here in pairs]) if by_seed else pairs[0][1] - pairs[0][0]
    clicks = float(np.mean([was.mean() for was, _ in pairs]))
    if not clicks > 0:
        return Verdict("different", f"the run has no clicks that a margin could be a share of; {first}")
    test = tost(apart, margin_share * clicks)
    found = f"differ by {test.mean:+.3g} [{test.low:+.3g}, {test.high:+.3g}]"
    margin = f"±{test.margin:.3g} ({margin_share:.0%} of {clicks:.3g})"
    over = f"{test.n} {'seeds' if by_seed else 'users'}, TOST, p = {test.p:.2g}"
    within = "within" if test.holds else "not shown to lie within"
    reason = f"clicks per session {found}, {within} {margin}; {over}; {first}"
    return Verdict("equivalent" if test.holds else "different", reason, test)


def _clicks(run: StoredRun) -> NDArray[np.float64]:
    """Clicks a session, [users]: of the agent, or the mean of a suite's baselines; [1] where no sessions are kept."""
    if not (run.folder / "episodes.parquet").exists():
        return np.array([run.journal[-1].get("final/clicks_per_session", np.nan)], np.float64)
    played = [one for one in run.played() if one.trained is not run.is_suite]
    return np.asarray(np.mean([clicks_per_user(one.sessions[0]) for one in played], axis=0))
