"""Logs: recorded, kept as a Minari data set, and read back."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recloop.agents.baselines import Greedy
from recloop.agents.stochastic import EpsilonGreedy, Sampled
from recloop.envs.choice import Cascade
from recloop.envs.task import Task
from recloop.envs.users import take_rows
from recloop.experiments.errors import UsageError
from recloop.experiments.evaluate import Luck, play
from recloop.experiments.logs import DATA_SET, Log, load_log, record, save_log
from recloop.experiments.progress import Bar, Silent
from recloop.experiments.setting import item_space

ITEMS, STEPS = 30, 12
BAR = Bar(Silent(), "log")


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.synthetic(ITEMS, 6, max_steps=STEPS)


def policy(task: Task, seed: int = 5) -> Sampled:
    return Sampled(EpsilonGreedy(Greedy(item_space(task)), ITEMS, 0.5), seed)


def luck(task: Task) -> Luck:
    return Luck.draw(task.simulator, 1, seed=3)


@pytest.fixture(scope="module")
def log(task: Task) -> Log:
    whole = record(task, policy(task), luck(task), BAR)
    return take_rows(whole, slice(120))


@pytest.fixture(scope="module")
def folder(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the log."""
    folder = tmp_path_factory.mktemp("log")
    save_log(folder, log, ITEMS, "greedy", BAR)
    return folder


def test_a_log_comes_back_bit_for_bit(log: Log, folder: Path) -> None:
    for name, wrote, read in zip(Log._fields, log, load_log(folder), strict=True):
        before, now = np.asarray(wrote), np.asarray(read)
        assert (before.dtype, before.shape) == (now.dtype, now.shape), name
        assert before.tobytes() == now.tobytes(), name


def test_minari_itself_reads_the_sessions(log: Log, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder))
    data_set = minari.load_dataset(DATA_SET)
    assert data_set.total_episodes == 120
    assert data_set.total_steps == log.steps.sum()
    assert data_set.action_space.n == ITEMS
    for row in (0, 7, 119):
        (episode,) = data_set.iterate_episodes([row])
        steps = log.steps[row]
        assert episode.observations.shape == (steps + 1, log.observations.shape[2])
        assert np.array_equal(episode.rewards, log.rewards[row, :steps])
        assert np.array_equal(episode.infos["propensity"][1:], log.propensities[row, :steps])
        assert (episode.terminations | episode.truncations).tolist() == [False] * (steps - 1) + [True]


def test_a_log_holds_the_sessions_that_the_policy_plays(task: Task, log: Log) -> None:
    sessions = play(task, policy(task), luck(task))
    assert np.array_equal(log.items, sessions.items[:120])
    assert np.array_equal(log.clicks, sessions.clicks[:120])
    assert np.array_equal(log.rewards, sessions.rewards[:120])


def test_the_same_seed_records_the_same_log_and_another_seed_another(task: Task) -> None:
    first, again, other = (record(task, policy(task, seed), luck(task), BAR) for seed in (5, 5, 6))
    assert [array.tobytes() for array in first] == [array.tobytes() for array in again]
    assert not np.array_equal(first.items, other.items)


def test_propensities_are_those_of_the_policy_on_what_was_observed(task: Task, log: Log) -> None:
    rows, steps = log.under_way.nonzero()
    likely, _ = policy(task).distribution.probabilities(log.observations[rows, steps])
    np.testing.assert_array_equal(likely[np.arange(len(rows)), log.items[rows, steps]], log.propensities[rows, steps])


def test_sessions_end_by_leaving_or_by_the_clock(log: Log) -> None:
    assert 0 < log.left.sum() < len(log.left)
    assert (log.steps[~log.left] == STEPS).all()
    assert (log.items[~log.under_way] == -1).all()
    assert (log.propensities[log.under_way] > 0).all()


def test_slates_are_refused(task: Task) -> None:
    slates = replace(task, simulator=replace(task.simulator, choice=Cascade(slate=3)))
    with pytest.raises(UsageError, match=r"env\.choice shows 3 items at once; logs are of one item a step"):
        record(slates, policy(task), luck(task), BAR)


def test_a_log_is_not_written_over(log: Log, folder: Path) -> None:
    with pytest.raises(UsageError, match="holds a log already"):
        save_log(folder, log, ITEMS, "greedy", BAR)


def test_the_place_of_other_data_sets_stays_as_it_was(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", "mine")
    save_log(tmp_path, take_rows(log, slice(2)), ITEMS, "greedy", BAR)
    assert os.environ["MINARI_DATASETS_PATH"] == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [DATA_SET]


def test_a_folder_without_a_log_and_a_damaged_log_are_named(log: Log, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no sessions-v0"):
        load_log(tmp_path)
    save_log(tmp_path, take_rows(log, slice(2)), ITEMS, "greedy", BAR)
    (file,) = tmp_path.rglob("*.hdf5")
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(UsageError, match="not a whole log"):
        load_log(tmp_path)


def test_a_propensity_of_zero_is_refused(log: Log, tmp_path: Path) -> None:
    broken = take_rows(log, np.arange(2))
    broken.propensities[0, 0] = 0
    save_log(tmp_path, broken, ITEMS, "greedy", BAR)
    with pytest.raises(UsageError, match=r"a propensity is not in \(0, 1\]"):
        load_log(tmp_path)
