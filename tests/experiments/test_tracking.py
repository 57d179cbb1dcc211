"""W&B shows what the journal holds, says nothing else, and can fail without anybody noticing but the log."""

import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from recloop.experiments import tracking
from recloop.experiments.journal import Journal, Row, read_journal
from recloop.experiments.redaction import redact
from recloop.experiments.tracking import Trackers, WandbSettings, WandbTracker


class Notebook:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.closed: list[bool] = []

    def write(self, row: Row) -> None:
        self.rows.append(row)

    def close(self, *, failed: bool = False) -> None:
        self.closed.append(failed)


class Broken(Notebook):
    """A tracker that cannot close."""

    def close(self, *, failed: bool = False) -> None:
        raise OSError("disk on fire")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and working folder; W&B's own process is ended afterwards."""
    import wandb

    home, work = tmp_path / "home-canary", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    yield home
    wandb.teardown()


def opened(folder: Path, mode: tracking.Mode = "offline", config: dict[str, Any] | None = None) -> WandbTracker:
    settings = WandbSettings("recloop", mode=mode, tags=("smoke",))
    return settings.open(folder, group="headline", job_type="train", name="ppo-seed0", config=config or {})


def inspected(run: Path, *options: str) -> list[dict[str, Any]]:
    """What `wandb leet inspect` reads in a run's folder: a record a line, or one summary."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", *options, "--json", str(run)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(text)] if "--summary" in options else [json.loads(line) for line in text.splitlines()]


def history(run: Path) -> list[dict[str, Any]]:
    """The rows that W&B holds, without its own columns."""
    rows = [record["history"]["item"] for record in inspected(run) if record["type"] == "history"]
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What recloop itself said."""
    return [record.getMessage() for record in caplog.records if record.name == tracking.__name__]


def test_each_tracker_gets_each_row() -> None:
    first, second = Notebook(), Notebook()
    Trackers(first, second).write({"steps": 1})
    assert first.rows == second.rows == [{"steps": 1}]


def test_leaving_the_block_closes_all_and_says_whether_it_failed() -> None:
    calm, failing = Notebook(), Notebook()
    with Trackers(calm):
        pass
    with pytest.raises(KeyError), Trackers(failing):
        raise KeyError
    assert (calm.closed, failing.closed) == ([False], [True])


def test_a_tracker_that_cannot_close_keeps_no_other_open() -> None:
    first, last = Notebook(), Notebook()
    with pytest.raises(OSError, match="disk on fire"):
        Trackers(first, Broken(), last).close()
    assert (first.closed, last.closed) == ([False], [False])


def test_a_number_that_is_not_finite_stops_at_the_journal_before_the_mirror(tmp_path: Path) -> None:
    mirror = Notebook()
    with Trackers(Journal(tmp_path / "metrics.jsonl"), mirror) as trackers, pytest.raises(ValueError, match="'loss'"):
        trackers.write({"loss": float("nan")})
    assert mirror.rows == []


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tracking\.mode is 'dryrun'; choose offline, online or disabled"):
        WandbSettings("recloop", mode="dryrun")  # type: ignore[arg-type]


def test_disabled_touches_nothing(tmp_path: Path) -> None:
    tracker = opened(tmp_path, "disabled")
    tracker.write({"steps": 1})
    tracker.close()
    assert list(tmp_path.iterdir()) == []
    assert tracker.sync_hint is None


def test_an_offline_run_holds_the_rows_and_touches_nothing_outside_its_folder(home: Path, tmp_path: Path) -> None:
    before = dict(os.environ)
    tracker = opened(tmp_path / "run", config={"agent": {"gamma": 0.97}})
    for row in ({"steps": 64, "clicks": 1.5}, {"steps": 128, "clicks": 2.5, "loss": None}):
        tracker.write(row)
    tracker.close(failed=True)
    tracker.close()

    (run,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert history(run) == [{"steps": 64, "clicks": 1.5}, {"steps": 128, "clicks": 2.5}]
    (summary,) = inspected(run, "--summary")
    assert summary["config"] == {"agent": {"gamma": 0.97}}
    assert (summary["state"], summary["exit_code"]) == ("failed", 1)
    assert (summary["project"], summary["name"], summary["tags"]) == ("recloop", "ppo-seed0", ["smoke"])
    assert tracker.sync_hint == f"wandb sync {os.path.relpath(run)}"
    assert list(home.iterdir()) == list(Path.cwd().iterdir()) == []
    assert {key for key in os.environ if key.startswith("WANDB_")} - before.keys() <= {"WANDB_SERVICE"}


def test_no_secret_reaches_a_file_of_wandb(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canaries = {
        name: f"canary-{name}" for name in ("argument", "config", "variable", "console", "error", "git", "host")
    }
    for command in ("init", f"remote add origin https://{canaries['git']}:pw@example.org/r.git"):
        subprocess.run(["git", *command.split()], check=True, capture_output=True)
    monkeypatch.setattr(sys, "argv", ["train.py", f"token={canaries['argument']}"])
    monkeypatch.setattr(socket, "gethostname", lambda: canaries["host"])
    monkeypatch.setenv("MY_TOKEN", canaries["variable"])
    config = {"agent": {"model": f"{home}/minilm"}, "token": canaries["config"]}

    tracker = opened(home / "run", config=redact(config, ["agent"]))
    tracker.write({"steps": 1})
    print(canaries["console"])
    with pytest.raises(RuntimeError), Trackers(tracker):
        raise RuntimeError(canaries["error"])

    files = [path for path in home.joinpath("run").rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files)
    assert b"~/minilm" in written  # the search would find what is there
    assert [name for name, canary in canaries.items() if canary.encode() in written] == []
    assert str(home).encode() not in written


def test_a_run_is_recorded_although_the_process_moved_since_the_first(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path / "first").close()
    monkeypatch.chdir(home)
    tracker = opened(tmp_path / "second")
    tracker.write({"steps": 1})
    tracker.close()
    (run,) = (tmp_path / "second" / "wandb").glob("offline-run-*")
    assert history(run) == [{"steps": 1}]


@pytest.mark.parametrize("step", ["log", "finish"])
def test_a_wandb_that_breaks_is_reported_once_and_never_raised(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: Literal["log", "finish"],
) -> None:
    import wandb

    def breaks(*_: object, **__: object) -> None:
        raise BrokenPipeError("core is gone\nand more")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as broken:
        tracker = opened(tmp_path / "run")
        broken.setattr(wandb.Run, step, breaks)
        journal = Journal(tmp_path / "metrics.jsonl")
        with Trackers(journal, tracker) as trackers:
            for steps in (1, 2, 3):
                trackers.write({"steps": steps})
    assert warnings(caplog) == ["W&B: BrokenPipeError: core is gone; the run goes on, its journal is complete"]
    assert [row["steps"] for row in read_journal(tmp_path / "metrics.jsonl")] == [1, 2, 3]


def test_a_wandb_that_does_not_start_is_reported_and_never_raised(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb

    def breaks(**_: object) -> None:
        raise wandb.errors.UsageError("no")

    monkeypatch.setattr(wandb, "init", breaks)
    with caplog.at_level(logging.WARNING):
        tracker = opened(tmp_path / "run", "online")
        tracker.write({"steps": 1})
        tracker.close()
    assert len(warnings(caplog)) == 1
    assert tracker.sync_hint is None


@pytest.mark.slow
def test_without_a_server_an_online_run_is_recorded_offline(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")  # closed
    monkeypatch.setenv("WANDB_API_KEY", "local-" + 40 * "a")
    monkeypatch.setattr(tracking, "_INIT_SECONDS", 2)
    with caplog.at_level(logging.WARNING):
        tracker = opened(tmp_path / "run", "online")
        tracker.write({"steps": 64})
        tracker.close()
    (run,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert history(run) == [{"steps": 64}]
    assert len(warnings(caplog)) == 1
    assert tracker.sync_hint is not None
    assert list(home.iterdir()) == []
