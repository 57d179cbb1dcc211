"""Groups of runs that met the same users, compared: the figures of `recloop report`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from recloop.experiments import metrics
from recloop.experiments.groups import Group, differences
from recloop.experiments.planning_gap import GREEDY_ORACLE, Judgement, judge
from recloop.experiments.recommended import FIGURES
from recloop.experiments.sessions import Key, Played
from recloop.experiments.significance import EQUIVALENT, PValues, compare_seeds, holm, verdict
from recloop.experiments.statistics import (
    Estimate,
    Seeds,
    estimate,
    interquartile_mean,
    optimality_gap,
    probability_of_improvement,
    resample,
)
from recloop.experiments.stored import StoredRun
from recloop.experiments.table import scores
from recloop.experiments.untrusted import read_json

if TYPE_CHECKING:
    import pandas as pd

WINDOW = 3
"""Points at the end of a learning curve whose mean shows whether the last one was lucky."""


class Section(NamedTuple):
    """Groups that met the same users with the same luck."""

    groups: tuple[Group, ...]
    played: tuple[Played, ...]  # of baselines and of the groups that have finished seeds
    seeds: dict[Key, Seeds]
    judgement: Judgement
    base: Group  # with which the others are compared

    @property
    def num_items(self) -> int:
        """Items that the catalog has at least."""
        return 1 + max(int(sessions.items.max()) for one in self.played for sessions in one.sessions)

    @property
    def finished(self) -> list[tuple[Group, Key]]:
        """The groups that have played, with their keys."""
        return [(one, one.played.key) for one in self.groups if one.played]


def sections(runs: Sequence[StoredRun], groups: Sequence[Group], rng: np.random.Generator) -> list[Section]:
    """The groups that have finished seeds, apart where users or luck differ.

    Raises ValueError when two groups cannot be told apart.
    """
    by_luck: dict[Any, list[Group]] = {}
    for one in groups:
        if one.played:
            by_luck.setdefault(_luck(one.played, one.identity["evaluation"]), []).append(one)
    baselines = [(_luck(one, _evaluation(run)), one) for run in runs for one in _baselines(run)]
    influence = _influence(runs)
    return [
        _section(members, [one for luck, one in baselines if luck == key], influence, rng)
        for key, members in by_luck.items()
    ]


def _influence(runs: Sequence[StoredRun]) -> float | None:
    """Action influence, as gap.json says of the runs that have one; None where they do not say the same."""
    files = [read_json(run.folder, "gap.json") for run in runs if (run.folder / "gap.json").exists()]
    said = {file.get("action_influence") if isinstance(file, dict) else None for file in files}
    (influence,) = said if len(said) == 1 else (None,)
    return influence if isinstance(influence, float | int) else None


def _section(
    groups: Sequence[Group], baselines: Sequence[Played], influence: float | None, rng: np.random.Generator
) -> Section:
    played = (*_common(baselines), *(one.played for one in groups if one.played))
    clicks = scores(played)
    seeds = resample(clicks, rng)
    judgement = judge({key: interquartile_mean(drawn) for key, drawn in seeds.items()}, influence)
    return Section(tuple(groups), played, seeds, judgement, _base(groups))


def _luck(played: Played, evaluation: dict[str, Any]) -> Any:
    """Whom a policy met, and with which luck."""
    return played.sessions[0].users.tobytes(), evaluation.get("seed")


def _evaluation(run: StoredRun) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(run.config.evaluation)
    return dict(plain)


def _baselines(run: StoredRun) -> list[Played]:
    return [one for one in run.played() if not one.trained] if run.status == "finished" else []


def _common(baselines: Sequence[Played]) -> list[Played]:
    """Each baseline once, if it did the same in all runs; none of those that did not, for their environments differ."""
    alike: dict[Key, list[Played]] = {}
    for one in baselines:
        alike.setdefault(one.key, []).append(one)
    return [
        same[0]
        for same in alike.values()
        if all(np.array_equal(one.sessions[0].clicks, same[0].sessions[0].clicks) for one in same)
    ]


def _base(groups: Sequence[Group]) -> Group:
    """Of the groups with most seeds, that from which most others differ in one key: these are its ablations."""

    def rank(base: Group) -> tuple[int, int]:
        ablations = sum(len(differences(base.identity, other.identity)) == 1 for other in groups)
        return len(base.played.sessions) if base.played else 0, ablations

    return max(groups, key=rank)


def groups_table(section: Section) -> "pd.DataFrame":
    """A row for each baseline and each group: clicks a session and what qualifies the figure."""
    import pandas as pd

    of_group = {key: one for one, key in section.finished}
    best = max(float(interquartile_mean(seeds)[0]) for seeds in section.seeds.values())
    return pd.DataFrame([_row(section, one, of_group.get(one.key), best) for one in section.played])


def _row(section: Section, played: Played, group: Group | None, best: float) -> dict[str, Any]:
    seeds = section.seeds[played.key]
    clicks, means = estimate(interquartile_mean(seeds)), seeds[:, 0]
    credit, oracle = section.judgement.credits[played.key], section.seeds.get(GREEDY_ORACLE)
    return {
        "policy": played.policy,
        "sees": played.sees,
        "trained": played.trained,
        "seeds": len(means),
        "failed_seeds": sum(bool(np.isnan(sessions.clicks).any()) for sessions in played.sessions),
        "unfinished_seeds": len(group.trials) - len(means) if group else 0,
        "steps": group.identity["steps"] if group else None,
        "minutes": float(np.mean([trial.minutes for trial in group.trials if trial.played])) if group else np.nan,
        "clicks_per_session": clicks.value,
        "ci_low": clicks.low,
        "ci_high": clicks.high,
        "mean": float(means.mean()),
        "median": float(np.median(means)),
        "worst_seed": float(means.min()),
        "best_seed": float(means.max()),
        "final_window": _final_window(played),
        "better_than_oracle": np.nan if oracle is None else probability_of_improvement(seeds, oracle)[0],
        "planning_credit": np.nan if credit is None else credit.value,
        "credit_low": np.nan if credit is None else credit.low,
        "credit_high": np.nan if credit is None else credit.high,
        "optimality_gap": optimality_gap(means, best),
        **_noted(group),
        **_described(played, section.num_items),
    }


def _noted(group: Group | None) -> dict[str, float]:
    """What was recommended, mean over the runs that have noted it; NaN for baselines, of which no run notes it."""
    trials = [trial.recommended for trial in group.trials] if group else []
    noted = {figure.name: [of[figure.name] for of in trials if figure.name in of] for figure in FIGURES}
    return {name: float(np.mean(values)) if values else np.nan for name, values in noted.items()}


def _described(played: Played, num_items: int) -> dict[str, float]:
    """What was recommended, as far as sessions alone tell: means over the seeds that played."""
    whole = [sessions for sessions in played.sessions if not np.isnan(sessions.clicks).any()] or played.sessions
    return {
        "session_length": float(np.mean([metrics.session_length(sessions) for sessions in whole])),
        "distinct_items": float(np.mean([metrics.distinct_items(sessions, num_items) for sessions in whole])),
        "repeats": float(np.mean([metrics.repeats(sessions, num_items) for sessions in whole])),
        "effective_items": float(np.mean([metrics.effective_items(sessions, num_items) for sessions in whole])),
    }


def _final_window(played: Played) -> float:
    """Mean over seeds and the last points of their curves; NaN without curves."""
    ends = [float(curve.clicks_per_session[-WINDOW:].mean()) for curve in played.curves]
    return float(np.mean(ends)) if ends else np.nan


class Contrast(NamedTuple):
    """A group held against the base."""

    group: str
    changed: dict[str, tuple[str, str]]  # key to the values of base and group; one key is an ablation
    lead: Estimate  # clicks a session more than the base
    better: Estimate  # probability of improvement
    p_value: float  # that the means are equal, corrected for the number of groups; NaN with fewer than two seeds
    verdict: str


def contrasts(section: Section) -> list[Contrast]:
    """Every group against the base, those that differ in fewest keys first."""
    assert section.base.played is not None, "the base is a group that has played"
    theirs = section.seeds[section.base.played.key]
    others = [(one, section.seeds[key]) for one, key in section.finished if one is not section.base]
    tests = _corrected([ours[:, 0] for _, ours in others], theirs[:, 0])
    found = [
        Contrast(
            group=one.label,
            changed=differences(section.base.identity, one.identity),
            lead=estimate(interquartile_mean(ours) - interquartile_mean(theirs)),
            better=estimate(probability_of_improvement(ours, theirs)),
            p_value=test.different if test else np.nan,
            verdict=verdict(ours[:, 0], theirs[:, 0], test) if test else "one seed tells nothing of others",
        )
        for (one, ours), test in zip(others, tests, strict=True)
    ]
    return sorted(found, key=lambda contrast: len(contrast.changed))


def _corrected(groups: Sequence[NDArray[np.float64]], base: NDArray[np.float64]) -> list[PValues | None]:
    """Tests of each group against the base, corrected for the number of those that can be tested."""
    tests = [compare_seeds(ours, base, EQUIVALENT * abs(float(base.mean()))) for ours in groups]
    made = [test for test in tests if test]
    different, apart = (iter(holm(of_all)) for of_all in zip(*made, strict=True)) if made else (iter(()), iter(()))
    return [test and PValues(next(different), next(apart)) for test in tests]
