"""One run and its folder, however it ends."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from omegaconf import DictConfig

from recloop.experiments import metrics
from recloop.experiments import run as runs
from recloop.experiments.checkpoints import load_weights
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.journal import Journal, Row, read_journal
from recloop.experiments.progress import Silent
from recloop.experiments.recommended import FIGURES
from recloop.experiments.run import opened, recorded, run
from recloop.experiments.sessions import load_sessions
from recloop.experiments.setting import Setting, build_setting
from recloop.experiments.signals import Stopped
from tests.experiments import tiny


@pytest.fixture(scope="module")
def cfg(tmp_path_factory: pytest.TempPathFactory) -> DictConfig:
    return composed([*tiny.settings(tiny.films(tmp_path_factory.mktemp("films"))), *tiny.PPO, "run_dir=x"])


@pytest.fixture(scope="module")
def setting(cfg: DictConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECLOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield build_setting(cfg)


@contextmanager
def room_for(num_bytes: int) -> Iterator[None]:
    """No file may grow beyond that: what a full disk is like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def status(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_text())["status"])


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_while_it_runs_the_manifest_says_so_and_then_that_it_has_finished(cfg: DictConfig, tmp_path: Path) -> None:
    with recorded(cfg, tmp_path, ["train", "seed=0"], [0], {"data": "abc"}) as started:
        assert status(tmp_path) == "running"
    assert status(tmp_path) == "finished"
    assert (started["command"], started["seeds"], started["threads"]) == (["train", "seed=0"], [0], 1)
    assert started["fingerprints"] == {"data": "abc"}


def test_the_configuration_is_kept_without_interpolations(cfg: DictConfig, tmp_path: Path) -> None:
    with recorded(cfg, tmp_path, [], [0], {}):
        pass
    kept = json.loads((tmp_path / "config.json").read_text())
    assert kept["agent"]["num_envs"] == 16
    assert "${" not in (tmp_path / "config.json").read_text()


def test_ctrl_c_is_recorded_and_says_how_to_go_on(cfg: DictConfig, tmp_path: Path) -> None:
    with (
        pytest.raises(Stopped, match=f"^go on with resume=true run_dir={tmp_path}$"),
        recorded(cfg, tmp_path, [], [0], {}),
    ):
        raise KeyboardInterrupt
    assert status(tmp_path) == "interrupted"


def test_a_fault_is_recorded_and_goes_on(cfg: DictConfig, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), recorded(cfg, tmp_path, [], [0], {}):
        raise ZeroDivisionError
    assert status(tmp_path) == "failed"


def test_a_disk_that_is_full_from_the_start_leaves_nothing(cfg: DictConfig, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with (
        pytest.raises(UsageError, match=f"^cannot write to {folder}: File too large; .*choose another folder"),
        room_for(1024),
        recorded(cfg, folder, [], [0], {}),
    ):
        pass
    assert not folder.exists()


def test_a_disk_that_fills_up_after_the_configuration_leaves_nothing(
    cfg: DictConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "write_manifest", full)
    with pytest.raises(UsageError, match="No space left on device"), recorded(cfg, tmp_path / "run", [], [0], {}):
        pass
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_during_training_leaves_whole_files_only(
    cfg: DictConfig, setting: Setting, tmp_path: Path
) -> None:
    with (
        pytest.raises(UsageError, match=f"^cannot write to {tmp_path}: File too large"),
        recorded(cfg, tmp_path, [], [0], {}),
        room_for(4096),
        opened(cfg, tmp_path) as records,
    ):
        run(cfg, tmp_path, setting, records, None, Silent(), "training")
    assert status(tmp_path) == "failed"
    assert written(tmp_path) == {"config.json", "manifest.json", "metrics.jsonl"}
    assert read_journal(tmp_path / "metrics.jsonl")


def test_a_reader_who_has_gone_is_not_a_full_disk(cfg: DictConfig, tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), recorded(cfg, tmp_path, [], [0], {}):
        raise BrokenPipeError(32, "Broken pipe")


def test_a_run_leaves_weights_journal_and_sessions(cfg: DictConfig, setting: Setting, tmp_path: Path) -> None:
    with opened(cfg, tmp_path) as records:
        played = run(cfg, tmp_path, setting, records, "my agent", Silent(), "training")
    assert (played.policy, played.sees, played.trained) == ("my agent", "observed", True)
    assert written(tmp_path) == {
        "metrics.jsonl",
        "episodes.parquet",
        "checkpoints/final.safetensors",
        "checkpoints/projection.safetensors",
    }
    (kept,) = load_sessions(tmp_path / "episodes.parquet")
    assert kept.sessions[0].clicks.tobytes() == played.sessions[0].clicks.tobytes()
    last = read_journal(tmp_path / "metrics.jsonl")[-1]
    assert last["final/clicks_per_session"] == pytest.approx(float(played.sessions[0].clicks.sum(axis=1).mean()))
    assert last["final/session_length"] == pytest.approx(metrics.session_length(played.sessions[0]))
    assert {f"final/{figure.name}" for figure in FIGURES} <= set(last)


def test_ctrl_c_keeps_weights_and_journal(
    cfg: DictConfig, setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def pressed(journal: Journal, row: Row) -> None:
        write(journal, row)
        if row["steps"]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "write", pressed)
    with pytest.raises(Stopped), opened(cfg, tmp_path) as records:
        run(cfg, tmp_path, setting, records, None, Silent(), "training")
    assert load_weights(tmp_path / "checkpoints" / "final.safetensors")
    assert [row["steps"] for row in read_journal(tmp_path / "metrics.jsonl")] == [0, 128]
