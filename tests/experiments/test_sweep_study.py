"""Every slot of a study is filled exactly once, whoever dies and whenever."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from recloop.experiments.errors import UsageError
from recloop.experiments.sweep_settings import Settings, read_settings
from recloop.experiments.sweep_study import DEATHS, ERROR, SLOT, open_study, quiet, work

Objective = Callable[[optuna.Trial], list[float]]


@pytest.fixture(autouse=True)
def silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with quiet():
        yield


def settings(*words: str) -> Settings:
    return read_settings(["sweep=ppo_default", "study=x", "sweep.heartbeat_seconds=1", "sweep.prune=false", *words])


def square(trial: optuna.Trial) -> list[float]:
    return [trial.suggest_float("x", -1, 1) ** 2]


def never() -> None:
    pytest.fail("there is nobody to wait for")


def fill(study: optuna.Study, slots: int, objective: Objective, idle: Callable[[], None] = never) -> None:
    """Work on the study until that many slots are filled."""
    work(study, settings(f"study={study.study_name}", f"sweep.trials={slots}"), objective, idle)


def done(study: optuna.Study) -> dict[int, int]:
    """How many trials have completed, of every slot."""
    slots = [trial.user_attrs[SLOT] for trial in study.trials if trial.state is TrialState.COMPLETE]
    return {slot: slots.count(slot) for slot in slots}


def test_a_second_start_adds_no_trial() -> None:
    study = open_study(settings())
    fill(study, 3, square)
    fill(open_study(settings()), 3, square)
    assert len(open_study(settings()).trials) == 3


def test_a_larger_budget_adds_what_is_missing() -> None:
    study = open_study(settings())
    fill(study, 3, square)
    fill(study, 5, square)
    assert done(study) == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}


def test_several_workers_fill_every_slot_once() -> None:
    open_study(settings())
    with ThreadPoolExecutor(3) as pool:
        for end in [pool.submit(lambda: fill(open_study(settings()), 8, square, lambda: None)) for _ in range(3)]:
            end.result()
    assert done(open_study(settings())) == dict.fromkeys(range(8), 1)


def test_a_trial_that_raises_counts_and_says_why() -> None:
    def fails(trial: optuna.Trial) -> list[float]:
        raise ValueError("batch_size does not fit\nand more")

    study = open_study(settings())
    fill(study, 2, fails)
    assert [trial.user_attrs[ERROR] for trial in study.trials] == ["ValueError: batch_size does not fit"] * 2


def test_a_trial_that_was_stopped_runs_again_with_the_same_parameters() -> None:
    met: list[float] = []

    def stops_once(trial: optuna.Trial) -> list[float]:
        met.append(square(trial)[0])
        if len(met) == 2:
            raise KeyboardInterrupt
        return [met[-1]]

    study = open_study(settings())
    with pytest.raises(KeyboardInterrupt):
        fill(study, 3, stops_once)
    fill(study, 3, stops_once)
    assert done(study) == {0: 1, 1: 1, 2: 1}
    assert met[2] == met[1]


def test_a_study_that_was_stopped_goes_on_as_it_would_have() -> None:
    """Also where the estimator proposes, from the third trial on."""
    calm = open_study(settings("study=calm", "sweep.startup_trials=2"))
    fill(calm, 8, square)
    stopped = open_study(settings("study=stopped", "sweep.startup_trials=2"))
    fill(stopped, 5, square)
    again = open_study(settings("study=stopped", "sweep.startup_trials=2"))
    fill(again, 8, square)
    assert [trial.params for trial in again.trials] == [trial.params for trial in calm.trials]
    assert len({trial.params["x"] for trial in calm.trials}) == 8


def test_of_two_trials_of_one_slot_the_first_counts() -> None:
    study = open_study(settings())
    for _ in range(2):
        study.enqueue_trial({}, user_attrs={SLOT: 0})
    fill(study, 1, square)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]


def test_what_a_worker_that_was_given_up_brings_back_is_dropped() -> None:
    given_up: list[int] = []

    def late_once(trial: optuna.Trial) -> list[float]:
        if not given_up:
            given_up.append(trial.number)
            optuna.load_study(study_name="x", storage=study._storage).tell(trial.number, state=TrialState.FAIL)
        return square(trial)

    study = open_study(settings())
    fill(study, 2, late_once)
    assert done(study) == {0: 1, 1: 1}
    assert study.trials[given_up[0]].state is TrialState.FAIL


def test_a_slot_that_kills_every_worker_is_given_up() -> None:
    study = open_study(settings())
    for _ in range(DEATHS):
        study.add_trial(optuna.create_trial(state=TrialState.FAIL, user_attrs={SLOT: 0}))
    fill(study, 1, square)
    assert done(study) == {}


def test_other_words_need_another_study() -> None:
    open_study(settings())
    with pytest.raises(UsageError, match=r"sweep.validation is 0.5, but study x has 0.25"):
        open_study(settings("sweep.validation=0.5"))


def test_a_storage_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match=r"sweep.storage: nosuch database"):
        open_study(settings("sweep.storage='nosuch://host/db'"))


def dies_in(folder: Path) -> None:
    """In a process of its own: take a trial and be killed."""
    os.chdir(folder)

    def killed(trial: optuna.Trial) -> list[float]:
        square(trial)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    with quiet():
        fill(open_study(settings()), 2, killed)


@pytest.mark.slow
def test_the_trial_of_a_dead_worker_runs_again(tmp_path: Path) -> None:
    victim = multiprocessing.get_context("spawn").Process(target=dies_in, args=(tmp_path,))
    victim.start()
    victim.join()
    study = open_study(settings())
    (lost,) = [trial for trial in study.trials if trial.state is TrialState.RUNNING]
    fill(study, 2, square, lambda: time.sleep(0.2))
    assert done(study) == {0: 1, 1: 1}
    assert [trial.params for trial in study.trials if trial.user_attrs[SLOT] == lost.user_attrs[SLOT]][1] == lost.params
