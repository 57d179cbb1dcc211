"""Runs read back, and what a stranger's run may hold."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.journal import Journal
from recloop.experiments.run import recorded
from recloop.experiments.sessions import Curve, Played, save_sessions
from recloop.experiments.stored import find_runs, read_run
from tests.experiments.conftest import play

Config = dict[str, Any]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 seeds' sessions and three rows; nothing was trained."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with recorded(composed([f"run_dir={folder}", "seed=3"]), folder, ["train"], [3], {"data": "abc"}):
        journal = Journal(folder / "metrics.jsonl")
        for row in ({"steps": 0, "held_out/clicks_per_session": 1.5}, {"steps": 64}, {"steps": 128, "loss": 0.5}):
            journal.write(row)
        journal.write({"steps": 128, "held_out/clicks_per_session": 2.5})
        journal.close()
        save_sessions(folder / "episodes.parquet", [play(("random", "-"), 0.1), play(("PPO", "observed"), 0.5, 1)])
    return folder


@pytest.fixture
def run(stored: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(stored, tmp_path / "run"))


def change(path: Path, edit: Callable[[Config], object]) -> None:
    config = json.loads(path.read_text())
    edit(config)
    path.write_text(json.dumps(config))


def test_a_run_says_what_it_is(run: Path) -> None:
    stored = read_run(run)
    assert (stored.name, stored.seed, stored.status, stored.is_suite, stored.cells) == (
        "train", 3, "finished", False, [],
    )  # fmt: skip
    assert stored.config.env.sessions.max_steps == 40
    assert stored.manifest["fingerprints"] == {"data": "abc"}
    assert [row["steps"] for row in stored.journal] == [0, 64, 128, 128]


def test_the_learning_curve_is_the_journals(run: Path) -> None:
    baseline, agent = read_run(run).played()
    assert baseline.curves == ()
    assert agent.curves[0].steps.tolist() == [0, 128]
    assert agent.curves[0].clicks_per_session.tolist() == [1.5, 2.5]


def test_a_journal_without_evaluations_gives_a_curve_without_points(run: Path) -> None:
    (run / "metrics.jsonl").write_bytes(b"")
    assert read_run(run).curve.steps.tolist() == []


def test_a_suite_has_its_cells_and_keeps_their_curves(run: Path) -> None:
    shutil.copytree(run, run / "cells" / "ppo-seed0")
    (run / "cells" / "never-began").mkdir()
    change(run / "config.json", lambda config: config.update(suite={"seeds": [3]}))
    curve = Curve(np.array([7], np.int32), np.array([1], np.float32))
    agent: Played = play(("PPO", "observed"), 0.5, 1)
    save_sessions(run / "episodes.parquet", [agent._replace(curves=(curve,))])
    suite = read_run(run)
    assert suite.is_suite
    assert [cell.folder.name for cell in suite.cells] == ["ppo-seed0"]
    assert suite.played()[0].curves[0].steps.tolist() == [7]


def test_keys_that_have_come_since_the_run_take_their_default(run: Path) -> None:
    change(run / "config.json", lambda config: config.pop("checkpoint_seconds"))
    assert read_run(run).config.checkpoint_seconds == composed([]).checkpoint_seconds
    assert read_run(run).config.resume is False


def target(text: str) -> Callable[[Config], object]:
    return lambda config: config["env"]["choice"].update(_target_=text)


@pytest.mark.parametrize(
    "edit",
    [
        target("os.system"),
        target("torch.load"),
        target("numpy.load"),
        target("stable_baselines3.PPO.load"),
        target("logging.os.system"),
        target("builtins.eval"),
        target("recloop.experiments.cli.main"),
        target("recloop.encoders.files.write_atomically"),
        target("recloop.encoders.arrays.DamagedFileError"),
        target("recloop.agents." + 5000 * "a."),
        lambda config: config["env"]["choice"].update(_target_={"_target_": "os.system"}),
        lambda config: config["agent"].update(hidden=[{"_target_": "os.system", "command": "true"}]),
        lambda config: config.update(suite={"cells": [{"overrides": {"_target_": "os.system"}}]}),
        lambda config: config["evaluation"].update(seed={"_target_": "os.system"}),
        lambda config: config["env"]["dynamics"].update(more={"_target_": "pathlib.Path.touch"}),
        lambda config: config["env"]["choice"].update(_args_=["true"]),
    ],
)
def test_a_part_that_is_not_on_the_allow_list_is_refused_wherever_it_stands(
    run: Path, edit: Callable[[Config], object]
) -> None:
    change(run / "config.json", edit)
    with pytest.raises(UsageError, match=f"^{run / 'config.json'}: "):
        read_run(run)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda config: config.update(name="${oc.env:HOME}"), "interpolation"),
        (lambda config: config.update(hydra={}), "'hydra' is no key of a configuration"),
        (lambda config: config.update(_target_="os.system"), "'_target_' is no key of a configuration"),
        (lambda config: config.pop("agent"), "agent is missing"),
        (lambda config: config.update(seed="3"), "seed is '3'; it should be a whole number"),
        (lambda config: config.update(seed=True), "seed is 'True'"),
        (lambda config: config.update(env=[1]), "env is '[1]'; it should be an object"),
        (lambda config: config.update(name=7), "name is '7'; it should be a text"),
    ],
)
def test_a_configuration_of_another_shape_is_refused(run: Path, edit: Callable[[Config], object], reason: str) -> None:
    change(run / "config.json", edit)
    with pytest.raises(UsageError) as caught:
        read_run(run)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda facts: facts.update(status="perfect"), "status is 'perfect'"),
        (lambda facts: facts.update(versions=[]), "versions is '[]'; it should be an object"),
        (lambda facts: facts.pop("command"), "command is missing"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(run: Path, edit: Callable[[Config], object], reason: str) -> None:
    change(run / "manifest.json", edit)
    with pytest.raises(UsageError) as caught:
        read_run(run)
    assert str(caught.value).startswith(f"{run / 'manifest.json'}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "metrics.jsonl", "episodes.parquet"])
def test_a_file_that_is_a_link_to_elsewhere_is_refused(run: Path, name: str) -> None:
    (run / name).rename(run.parent / "elsewhere")
    (run / name).symlink_to(run.parent / "elsewhere")
    with pytest.raises(UsageError, match="leads out of the run folder"):
        read_run(run).played()


def test_a_cell_that_is_a_link_to_elsewhere_is_refused(run: Path) -> None:
    shutil.copytree(run, run.parent / "elsewhere")
    (run / "cells").mkdir()
    (run / "cells" / "ppo-seed0").symlink_to(run.parent / "elsewhere")
    with pytest.raises(UsageError, match="leads out of the run folder"):
        _ = read_run(run).cells


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "metrics.jsonl", "episodes.parquet"])
def test_a_file_cut_short_is_named(run: Path, name: str) -> None:
    whole = (run / name).read_bytes()
    (run / name).write_bytes(whole[: len(whole) // 2] + b"\n")
    with pytest.raises(UsageError, match=f"^{run / name}: "):
        read_run(run).played()


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        read_run(tmp_path / "nothing")


def test_runs_are_found_below_a_folder_and_a_suite_is_one(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, run / "cells" / "ppo-seed0")
    shutil.copytree(run, tmp_path / "grid" / "0")
    (tmp_path / "link").symlink_to(run)
    assert [found.folder for found in find_runs(tmp_path)] == [tmp_path / "grid" / "0", run]
    assert [found.folder for found in find_runs(run)] == [run]


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        find_runs(tmp_path)
