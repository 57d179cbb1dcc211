"""Planted bugs in the code that judges policies: each is found by a check.

A mutant is a function of the package in which some words of the source were replaced. `pytest -s` prints which check
has caught which mutant.
"""

import inspect
import sys
from collections.abc import Callable
from textwrap import dedent
from typing import Any, NamedTuple

import pytest

from recloop.envs.interactions import Interactions
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
from tests.experiments.evaluation_checks import CHECKS


class Mutant(NamedTuple):
    """A bug: in a function of a module or class, the words that stand there and those that take their place."""

    bug: str
    owner: Any
    function: str
    words: str
    instead: str


MUTANTS = (
    Mutant("the last step is not played", evaluate, "play", "in range(steps)", "in range(steps - 1)"),
    Mutant("sessions go on when the user has left", evaluate, "play", "outcome.terminated | ", ""),
    Mutant("the luck of the first step serves all steps", evaluate, "play", "luck.clicks[step]", "luck.clicks[0]"),
    Mutant("the policy's luck is its own", evaluate, "play", "luck.clicks[step]", "np.random.random(n).astype('f')"),
    Mutant("train users are evaluated on", Population, "split", "order[cut:]", "order"),
    Mutant("the future is known", Interactions, "split_by_time", "self.where(before), ", "self, "),
    Mutant("the last step is not counted", metrics, "_per_user", "values.sum", "values[:, :-1].sum"),
    Mutant(
        "the return is discounted", metrics, "_per_user",
        "values.sum", "(values * 0.99 ** np.arange(values.shape[1])).sum",
    ),
    Mutant("sessions weigh the same, not users", metrics, "mean_by_user", " / np.bincount(row)", ""),
    Mutant("items of slates are steps", metrics, "session_length", ".any(axis=2)", ".sum(axis=2)"),
    Mutant("an item makes a pair with itself", metrics, "diversity", " - squares", ""),
    Mutant(
        "of tied items the low id counts as less popular", metrics, "popularity",
        "rankdata(popularity)", "rankdata(popularity, 'ordinal')",
    ),
    Mutant(
        "a tie is a win", statistics, "probability_of_improvement",
        "np.sign(ours[:, None] - theirs[None])", "np.where(ours[:, None] >= theirs[None], 1, -1)",
    ),
    Mutant("the plain mean is reported", statistics, "interquartile_mean", "0.25", "0.0"),
    Mutant(
        "a standard deviation is the interval", statistics, "estimate",
        "np.percentile(resampled[1:], [2.5, 97.5])", "resampled[0] + resampled[1:].std() * np.array([-1, 1])",
    ),
    Mutant("a 90 % interval is called 95 %", statistics, "estimate", "[2.5, 97.5]", "[5, 95]"),
    Mutant("the estimate is one of the resamples", statistics, "estimate", "resampled[1:]", "resampled"),
    Mutant(
        "sessions are pooled as if seeds", statistics, "resample",
        "_draw_seeds(matrix @ weights.T, rng)", "_draw_seeds(np.repeat(matrix.reshape(-1, 1), len(weights), 1), rng)",
    ),
    Mutant("seeds are not resampled", statistics, "_draw_seeds", "drawn[:, 0] =", "drawn.T[:] ="),
    Mutant(
        "policies meet other users", statistics, "resample",
        "matrix @ weights.T", "matrix @ rng.permutation(weights).T",
    ),
    Mutant(
        "failed seeds are dropped", statistics, "_fill_failed",
        "np.where(np.isnan(matrix).any(axis=1, keepdims=True), worst, matrix)",
        "matrix[~np.isnan(matrix).any(axis=1)]",
    ),
    Mutant("failed seeds count as the best", statistics, "_fill_failed", ".min(axis=0)", ".max(axis=0)"),
    Mutant("failed runs of a suite are dropped", suite, "_row", "in seeds)", "in seeds if one)"),
    Mutant("failed runs of a group are dropped", groups.Group, "played", " or trial.run.status == \"failed\"", ""),
    Mutant(
        "a repeated run is a further seed", groups, "_each_seed_once",
        "return tuple(", "return tuple(trials) or tuple(",
    ),
    Mutant("the best checkpoint is reported, not the last", sections, "_final_window", "[-WINDOW:].mean()", ".max()"),
    Mutant("policies that met other users are compared", table, "scores", "if not all(", "if () == all("),
    Mutant("the most seeds give the stamp", table, "summarise", "fewest = min(", "fewest = max("),
    Mutant("the label goes by the estimate", planning_gap, "_label", "uplift.low", "uplift.value"),
    Mutant(
        "credit is counted from random", planning_gap, "planning_credit",
        "resampled[key] - resampled[GREEDY_ORACLE]", "resampled[key] - resampled[RANDOM]",
    ),
    Mutant("nine seeds carry a claim", planning_gap, "_finding", "if stamp_seeds(seeds)", "if stamp_seeds(seeds + 1)"),
    Mutant(
        "one side of the difference is tested", significance, "compare_seeds",
        "float(different)", "float(different / 2)",
    ),
    Mutant("one side makes it equivalent", significance, "compare_seeds", "max(above, below)", "min(above, below)"),
    Mutant(
        "many comparisons count as one", significance, "holm",
        "len(p_values) - np.arange(len(p_values))", "np.ones(len(p_values))",
    ),
    Mutant(
        "tuning seeds are reported", inputs, "_check_tuning",
        "(cfg.seed in TUNING_SEEDS)", "(validation is not None)",
    ),
    Mutant("a mean over seeds hides a collapse", guards, "collapses", "_whole(one)]", "_whole(one)[:1]]"),
)  # fmt: skip


def plant(mutant: Mutant, patch: pytest.MonkeyPatch) -> None:
    """Put the spoiled function wherever the package holds the whole one."""
    whole = inspect.getattr_static(mutant.owner, mutant.function)
    plain = getattr(whole, "fget", None) or getattr(whole, "__func__", whole)
    source = dedent(inspect.getsource(plain))
    assert mutant.words in source, f"{mutant.function} has no words {mutant.words!r} any more; mend the mutant"
    names = dict(vars(sys.modules[plain.__module__]))
    exec(source.replace(mutant.words, mutant.instead), names)
    patch.setattr(mutant.owner, mutant.function, names[mutant.function])
    for module in [module for name, module in sys.modules.items() if name.startswith("recloop.")]:
        if vars(module).get(mutant.function) is whole:
            patch.setattr(module, mutant.function, names[mutant.function])


def catcher() -> Callable[[], None] | None:
    """The first check that fails."""
    for check in CHECKS:
        try:
            check()
        except AssertionError:
            return check
    return None


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_code_as_it_is_passes(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.bug)
def test_a_planted_bug_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        plant(mutant, patch)
        caught = catcher()
    assert caught is not None, f"no check notices that {mutant.bug}"
    print(f"{mutant.bug}: caught, {caught.__name__.replace('_', ' ')}")


def test_every_bug_is_another_one() -> None:
    assert len({(mutant.function, mutant.instead, mutant.words) for mutant in MUTANTS}) == len(MUTANTS) >= 15
