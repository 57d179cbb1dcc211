"""One trial: what it suggests, how it is judged while it trains, and on whom."""

import optuna
import pytest

from recloop.experiments.signals import Stopped
from recloop.experiments.sweep_trial import Watch, chosen


def judged(curve: list[float], before: list[list[float]]) -> Watch:
    """A watch that has seen `curve`, in a study where the trials `before` have ended so."""
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    for values in before:
        points = dict(enumerate(values))
        study.add_trial(optuna.create_trial(value=values[-1], intermediate_values=points))
    watch = Watch(study.ask(), prune=True)
    watch(0, 0.0)  # before it has learned anything
    for step, clicks in enumerate(curve, start=1):
        watch(step, clicks)
    return watch


def test_a_trial_below_the_median_ends() -> None:
    with pytest.raises(Stopped):
        judged([1.0, 1.5], before=[[1.0, 3.0], [1.0, 2.0], [1.0, 4.0]])


def test_a_trial_above_the_median_goes_on() -> None:
    assert not judged([1.0, 3.5], before=[[1.0, 3.0], [1.0, 2.0], [1.0, 4.0]]).pruned


def test_seeds_that_have_ended_count_with_the_one_that_trains() -> None:
    study = optuna.create_study(direction="maximize")
    watch = Watch(trial := study.ask(), prune=True)
    watch(10, 4.0)
    watch.end_of_seed(4.0)
    watch(10, 2.0)
    assert study.get_trials()[trial.number].intermediate_values == {0: 4.0, 1: 3.0}


def test_a_space_becomes_words_of_train() -> None:
    space = {
        "agent.epochs": {"low": 2, "high": 8},
        "agent.gamma": {"low": 0.5, "high": 1.0},
        "agent.hidden": {"choices": ["[8]", "[16,16]"]},
    }
    fixed = {"agent.epochs": 3, "agent.gamma": 0.75, "agent.hidden": "[16,16]"}
    words = chosen(optuna.trial.FixedTrial(fixed), space)  # type: ignore[arg-type]
    assert words == ["agent.epochs=3", "agent.gamma=0.75", "agent.hidden=[16,16]"]
