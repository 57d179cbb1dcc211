"""Several agents and seeds in one table."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.experiments import suite as suites
from recloop.experiments.errors import UsageError
from recloop.experiments.planning_gap import RANDOM
from recloop.experiments.progress import Reporter
from recloop.experiments.sessions import Played, load_sessions
from recloop.experiments.signals import Stopped
from recloop.experiments.suite import Cell, cells, run_suite
from recloop.experiments.table import summarise
from tests.experiments import tiny
from tests.experiments.conftest import play

CELLS = [{"policy": "PPO", "overrides": ["agent=ppo"]}, {"policy": "DQN", "overrides": ["agent=dqn"]}]


def suite(**changes: object) -> DictConfig:
    return OmegaConf.create({"seeds": [0, 1], "workers": 2, "cells": CELLS, **changes})


class Inline(Executor):
    """Does everything at once, here."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Cells play without training; those named (`PPO, seed 1`) come to what is said instead."""
    failing: dict[str, BaseException] = {}

    def cell(one: Cell, folder: Path, resume: bool, reporter: Reporter) -> list[Played]:
        if one.label in failing:
            raise failing[one.label]
        played = play((one.policy, "observed"), 0.5 + 0.1 * one.seed, seeds=1)
        return [played]

    monkeypatch.setattr(suites, "check", lambda cfg: None)
    monkeypatch.setattr(suites, "_cell", cell)
    monkeypatch.setattr(suites, "_baselines", lambda config, folder, reporter: [play(RANDOM, 0.1)])
    monkeypatch.setattr(suites, "call", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(suites, "workers", lambda count: nullcontext(Inline()))
    monkeypatch.setattr(suites, "from_workers", nullcontext)
    return failing


def outcome(folder: Path, **changes: object) -> list[Played]:
    settings = suite(**changes)
    return run_suite(OmegaConf.create({"suite": settings, "threads": 1, "resume": False}), folder, cells(settings, []))


def test_cells_are_ordinary_runs_seeds_outermost(pretend: object) -> None:
    found = cells(suite(), ["steps=10", "agent.gamma=0.5"])
    assert [(cell.policy, cell.seed) for cell in found] == [("PPO", 0), ("DQN", 0), ("PPO", 1), ("DQN", 1)]
    assert found[1].overrides == ("steps=10", "agent.gamma=0.5", "agent=dqn", "seed=0", "suite=null")


def test_what_varies_the_environment_has_a_row_and_a_folder_of_its_own(pretend: object) -> None:
    oracle = {"policy": "PPO", "overrides": ["agent=ppo", "env/observation=oracle"]}
    found = cells(suite(cells=[*CELLS, oracle], seeds=[7]), [])
    assert [cell.folder for cell in found] == [
        "cells/ppo-seed7",
        "cells/dqn-seed7",
        "cells/ppo-env-observation-oracle-seed7",
    ]
    assert len({cell.row for cell in found}) == 3


@pytest.mark.parametrize("word", ["agent=ppo", "seed=3", "+seed=3", "~agent"])
def test_the_user_may_not_set_what_the_cells_vary(word: str) -> None:
    with pytest.raises(UsageError, match="the cells of this experiment vary that key; leave it out") as refused:
        cells(suite(), ["steps=10", word])
    assert str(refused.value).startswith(f"{word}: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workers": 0}, "suite.workers is 0; give a whole number of 1 or more"),
        ({"workers": None}, "suite.workers is None"),
        ({"seeds": []}, r"suite.seeds is \[\]; give a list"),
        ({"seeds": ["a"]}, "suite.seeds is 'a'"),
        ({"seeds": [1, 1]}, "PPO, seed 1 comes twice"),
        ({"cells": []}, r"suite.cells is \[\]"),
        ({"cells": [{"overrides": []}]}, r"suite.cells\[0\].policy is None; give a text"),
        ({"cells": [{"policy": "A", "overrides": [3]}]}, r"suite.cells\[0\].overrides is \[3\]"),
        ({"cells": [CELLS[0], CELLS[0]]}, "PPO, seed 0 comes twice"),
    ],
)
def test_a_suite_that_cannot_be_is_refused_by_key(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=f"^.*{said}"):
        cells(suite(**changes), [])


def test_every_cell_is_checked_before_anything_runs() -> None:
    bad = {"policy": "slow", "overrides": ["agent=ppo", "agent.gamma=7"]}
    with pytest.raises(UsageError, match=r"^agent: gamma is 7"):
        cells(suite(cells=[CELLS[1], bad]), [])


def test_rows_are_baselines_then_policies_with_their_seeds_in_order(pretend: object, tmp_path: Path) -> None:
    rows = outcome(tmp_path)
    assert [(row.policy, len(row.sessions), len(row.curves)) for row in rows] == [
        ("random", 1, 0),
        ("PPO", 2, 2),
        ("DQN", 2, 2),
    ]
    first, second = (sessions.clicks.mean() for sessions in rows[1].sessions)
    assert first < second


def test_a_cell_that_fails_counts_as_the_worst_seed_and_is_said(
    pretend: dict[str, BaseException],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    vectors: np.ndarray,
    popularity: np.ndarray,
) -> None:
    pretend["PPO, seed 1"] = ZeroDivisionError("division by zero\nin two lines")
    rows = outcome(tmp_path, seeds=[0, 1, 2])
    clicks = [sessions.clicks for sessions in rows[1].sessions]
    assert [bool(np.isnan(seed).all()) for seed in clicks] == [False, True, False]
    assert len(rows[1].curves) == 2
    table = summarise(rows, vectors, popularity, np.random.default_rng(0)).table
    clicks_of = dict(zip(table["policy"], table["clicks_per_session"], strict=True))
    assert clicks_of["PPO"] < clicks_of["DQN"]  # alike in the other seeds
    (record,) = caplog.records
    path = tmp_path / "cells" / "ppo-seed1" / "failure.txt"
    assert record.message == (
        f"PPO, seed 1 failed and counts as the worst: ZeroDivisionError: division by zero; see {path}"
    )
    assert path.read_text() == "ZeroDivisionError\nTraceback, without what was said:\n"


def test_a_policy_of_which_every_seed_fails_has_no_row(pretend: dict[str, BaseException], tmp_path: Path) -> None:
    pretend.update({"PPO, seed 0": ZeroDivisionError(), "PPO, seed 1": ZeroDivisionError()})
    assert [row.policy for row in outcome(tmp_path)] == ["random", "DQN"]


def test_when_every_cell_fails_so_does_the_suite(pretend: dict[str, BaseException], tmp_path: Path) -> None:
    pretend.update({f"{policy}, seed 0": ZeroDivisionError() for policy in ("PPO", "DQN")})
    with pytest.raises(RuntimeError, match=r"^all 2 runs failed; see failure\.txt"):
        outcome(tmp_path, seeds=[0])


def test_a_mistake_in_a_cell_stops_the_suite(pretend: dict[str, BaseException], tmp_path: Path) -> None:
    pretend["DQN, seed 0"] = UsageError("encoder: no such model")
    with pytest.raises(UsageError, match=r"^encoder: no such model$"):
        outcome(tmp_path)


def test_ctrl_c_says_how_many_runs_had_finished(pretend: dict[str, BaseException], tmp_path: Path) -> None:
    pretend.update({f"{policy}, seed 1": Stopped(signal.SIGTERM) for policy in ("PPO", "DQN")})
    with pytest.raises(Stopped, match=r"^\d of 4 runs had finished$"):
        outcome(tmp_path)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "films").mkdir()
    small = [
        word for word in tiny.settings(tiny.films(tmp_path / "films")) if not word.startswith(("encoder", "track"))
    ]
    return ["train", "experiment=smoke", *small, f"run_dir={tmp_path / 'run'}", "agent.batch_size=32"]


@contextmanager
def running(words: list[str], tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "home").mkdir()
    process = tiny.start(words, tmp_path / "home", tmp_path / "cache")
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.mark.slow
def test_a_suite_in_processes_keeps_every_run_and_outlives_one_that_fails(words: list[str], tmp_path: Path) -> None:
    broken = '{policy: broken, overrides: ["agent=ppo", "agent.temperature=1e-42"]}'
    whole = '{policy: PPO, overrides: ["agent=ppo"]}, {policy: DQN, overrides: ["agent=dqn"]}'
    with running([*words, f"suite.cells=[{whole}, {broken}]", "suite.workers=2"], tmp_path) as process:
        output, error = process.communicate(timeout=300)
    folder = tmp_path / "run"
    assert process.returncode == 0, error
    assert "broken, seed 0 failed and counts as the worst: RuntimeError" in error
    assert "Traceback" in (folder / "cells" / "broken-seed0" / "failure.txt").read_text()
    assert [played.policy for played in load_sessions(folder / "episodes.parquet") if played.trained] == ["PPO", "DQN"]
    statuses = {path.parent.name: json.loads(path.read_text())["status"] for path in folder.rglob("manifest.json")}
    assert statuses == {"run": "finished", "ppo-seed0": "finished", "dqn-seed0": "finished", "broken-seed0": "failed"}
    assert "PPO" in output
    assert f"report: {folder / 'report.html'}" in output
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("to", [os.kill, os.killpg], ids=["the command", "everybody, as a terminal does"])
def test_ctrl_c_stops_a_suite_cleanly(words: list[str], tmp_path: Path, to: Callable[[int, int], None]) -> None:
    steps = [word for word in words if not word.startswith("steps=")]
    with running([*steps, "steps=10000000", "suite.workers=2"], tmp_path) as process:
        folder, deadline = tmp_path / "run", time.monotonic() + 120
        while len([path for path in folder.rglob("metrics.jsonl") if path.stat().st_size]) < 2:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1)
        to(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert error.splitlines()[-1] == (
        f"recloop: stopped; 0 of 2 runs had finished; go on with resume=true run_dir={folder}"
    )
    for name in ("ppo-seed0", "dqn-seed0"):
        cell = folder / "cells" / name
        assert json.loads((cell / "manifest.json").read_text())["status"] == "interrupted"
        assert (cell / "checkpoints" / "final.safetensors").is_file()
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
