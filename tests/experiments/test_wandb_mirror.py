"""W&B shows what the journal holds, says nothing else, and can fail without anybody noticing but the log."""

import json
import logging
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from recloop.experiments import logged, tracking, wandb_mirror
from recloop.experiments.journal import Journal, Row, read_journal
from recloop.experiments.logged import mirror_rows
from recloop.experiments.redaction import redact
from recloop.experiments.tracking import Trackers, WandbSettings
from tests.experiments import tiny
from tests.experiments.test_logged import stored
from tests.experiments.wandb_stub import Fault, Server

ROWS: list[Row] = [{"row": number, "steps": 64 * number, "clicks": number / 2} for number in range(5)]


def opened(
    folder: Path, mode: tracking.Mode = "offline", config: dict[str, Any] | None = None, rows: list[Row] | None = None
) -> Trackers:
    settings = WandbSettings("recloop", mode=mode, entity="me", tags=("smoke",))
    return settings.open(
        folder, group="headline", job_type="train", name="ppo-seed0", config=config or {}, rows=rows or ()
    )


def inspected(run: Path) -> dict[str, Any]:
    """The summary that `wandb leet inspect` gives of a run's folder."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(run)]
    summary: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return summary


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What recloop itself said."""
    return [record.getMessage() for record in caplog.records if record.name == tracking.__name__]


def test_disabled_touches_nothing(tmp_path: Path) -> None:
    tracker = opened(tmp_path, "disabled")
    tracker.write({"steps": 1})
    tracker.close()
    assert list(tmp_path.iterdir()) == []


def test_an_offline_run_holds_the_rows_and_touches_nothing_outside_its_folder(home: Path, tmp_path: Path) -> None:
    before = dict(os.environ)
    tracker = opened(tmp_path / "run", config={"agent": {"gamma": 0.97}})
    for row in ({"steps": 64, "clicks": 1.5}, {"steps": 128, "clicks": 2.5, "loss": None}):
        tracker.write(row)
    tracker.close(failed=True)
    tracker.close()

    (run,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert mirror_rows(run) == [{"row": 0, "steps": 64, "clicks": 1.5}, {"row": 1, "steps": 128, "clicks": 2.5}]
    summary = inspected(run)
    assert summary["config"] == {"agent": {"gamma": 0.97}}
    assert (summary["state"], summary["exit_code"]) == ("failed", 1)
    assert (summary["project"], summary["name"], summary["tags"]) == ("recloop", "ppo-seed0", ["smoke"])
    assert (tmp_path / "run" / "wandb" / "sync.txt").read_text() == f"wandb sync {os.path.relpath(run)}"
    assert list(home.iterdir()) == list(Path.cwd().iterdir()) == []
    assert {key for key in os.environ if key.startswith("WANDB_")} - before.keys() <= {"WANDB_SERVICE"}


def test_no_secret_reaches_a_file_of_wandb(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

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

    wandb.teardown()  # has everything on the disk
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
    assert mirror_rows(tmp_path / "second") == [{"row": 0, "steps": 1}]


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
    assert not list(tmp_path.rglob("sync.txt"))


@pytest.mark.slow
def test_without_a_server_an_online_run_is_recorded_offline(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")  # closed
    monkeypatch.setenv("WANDB_API_KEY", "local-" + 40 * "a")
    monkeypatch.setattr(wandb_mirror, "_INIT_SECONDS", 2)
    with caplog.at_level(logging.WARNING):
        tracker = opened(tmp_path / "run", "online")
        tracker.write({"steps": 64})
        tracker.close()
    assert mirror_rows(tmp_path / "run") == [{"row": 0, "steps": 64}]
    assert len(warnings(caplog)) == 1
    assert (tmp_path / "run" / "wandb" / "sync.txt").exists()
    assert list(home.iterdir()) == []


def test_an_offline_run_that_goes_on_holds_every_row_once_under_the_same_id(home: Path, tmp_path: Path) -> None:
    with opened(tmp_path) as first:
        for row in ROWS[:4]:  # the last of which no checkpoint has seen
            first.write({key: value for key, value in row.items() if key != "row"})
    identity = (tmp_path / "wandb" / "id.txt").read_text()
    with opened(tmp_path, rows=ROWS[:3]) as second:
        for row in ROWS[3:]:
            second.write(row)
    (run,) = (tmp_path / "wandb").glob("*run-*")
    assert run.name.endswith(identity)
    assert mirror_rows(tmp_path) == ROWS


@pytest.mark.slow
def test_an_online_run_that_goes_on_holds_every_row_once(home: Path, tmp_path: Path, server: Server) -> None:
    first = opened(tmp_path, "online")
    for row in ROWS[:4]:
        first.write(row)
    first.close(failed=True)
    (identity,) = server.runs
    assert server.runs[identity]["state"] == "failed"
    with opened(tmp_path, "online", rows=ROWS[:3]) as second:
        for row in ROWS[3:]:
            second.write(row)
    assert list(server.runs) == [identity]
    assert server.history(identity) == _as_history(ROWS)
    assert server.runs[identity]["state"] == "finished"


@pytest.mark.slow
def test_an_online_run_that_is_killed_and_goes_on_holds_every_row_once(
    home: Path, tmp_path: Path, server: Server
) -> None:
    script = (
        "import os, pathlib, signal; from tests.experiments.test_wandb_mirror import opened, ROWS;"
        f"tracker = opened(pathlib.Path({str(tmp_path)!r}), 'online');"
        "[tracker.write(row) for row in ROWS[:4]]; os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    with opened(tmp_path, "online", rows=ROWS[:2]) as second:
        for row in ROWS[2:]:
            second.write(row)
    (identity,) = server.runs
    assert server.history(identity) == _as_history(ROWS)


@pytest.mark.slow
def test_an_offline_run_that_is_uploaded_twice_and_goes_on_holds_every_row_once(
    home: Path, tmp_path: Path, server: Server
) -> None:
    for rows in (ROWS[:4], ROWS[:3], ROWS):  # row 3 was not in the checkpoint
        with opened(tmp_path, rows=rows):
            pass
        hint = (tmp_path / "wandb" / "sync.txt").read_text()
        for _ in range(2):
            subprocess.run([sys.executable, "-m", *shlex.split(hint)], check=True, capture_output=True)
    assert mirror_rows(tmp_path) == ROWS
    (identity,) = server.runs
    assert server.history(identity) == _as_history(ROWS)


@pytest.mark.slow
def test_the_server_is_told_group_job_type_and_tags_and_no_secret(
    home: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = {name: f"canary-{name}" for name in ("argument", "config", "variable", "console", "host")}
    monkeypatch.setattr(sys, "argv", ["train.py", f"token={canaries['argument']}"])
    monkeypatch.setattr(socket, "gethostname", lambda: canaries["host"])
    monkeypatch.setenv("MY_TOKEN", canaries["variable"])
    monkeypatch.chdir(home)
    config = {"agent": {"model": f"{home}/minilm"}, "token": canaries["config"]}
    folder = stored(home / "run")
    with opened(folder, "online", redact(config, ["agent"])) as tracker:
        print(canaries["console"])
        tracker.write(ROWS[0])
        tracker.publish(folder)
    (run,) = server.runs.values()
    assert (run["group"], run["jobType"], run["tags"]) == ("headline", "train", ["smoke"])
    sent = b"".join([*server.received, *server.blobs.values()])
    assert b"~/minilm" in sent  # the search would find what is there
    assert [name for name, canary in canaries.items() if canary.encode() in sent] == []
    assert home.name.encode() not in sent
    assert len(server.artifacts) == 3


def test_files_whose_path_would_name_the_home_are_not_shown(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), opened(home / "run") as tracker:
        tracker.publish(stored(home / "run"))
    (said,) = warnings(caplog)
    assert "start recloop inside your home" in said


def test_an_offline_run_holds_the_files_and_tells_nobody_where_they_lie(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb

    monkeypatch.chdir(home)
    folder = stored(home / "run")
    with caplog.at_level(logging.WARNING), opened(folder) as tracker:
        tracker.publish(folder)
    wandb.teardown()  # has everything on the disk
    (log,) = folder.glob("wandb/offline-run-*/*.wandb")
    assert b"run/checkpoints/final.safetensors" in log.read_bytes()
    assert home.name.encode() not in log.read_bytes()
    assert warnings(caplog) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["500", "garbage", "empty"])
@pytest.mark.parametrize("where", ["", "UpsertBucket"])
def test_with_a_server_that_is_broken_from_the_start_the_run_is_recorded_offline(
    home: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, fault: Fault, where: str
) -> None:
    monkeypatch.setattr(wandb_mirror, "_INIT_SECONDS", 2)
    server.fault, server.where = fault, where
    with opened(tmp_path, "online", rows=ROWS):
        pass
    assert mirror_rows(tmp_path) == ROWS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "where"),
    [("500", "file_stream"), ("500", ""), ("garbage", "CreateArtifact"), ("empty", "CreateArtifact")],
)
def test_a_server_that_breaks_later_keeps_nobody_waiting_long(
    home: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, fault: Fault, where: str
) -> None:
    monkeypatch.setattr(logged, "_UPLOAD_SECONDS", 1)
    folder = stored(tmp_path / "run")
    with opened(folder, "online", rows=ROWS) as tracker:
        server.fault, server.where = fault, where
        begun = time.monotonic()
        tracker.publish(folder)
    assert time.monotonic() - begun < 40
    server.fault = None
    with opened(folder, "online", rows=ROWS) as tracker:  # the server is well again
        tracker.publish(folder)
    (identity,) = server.runs
    assert server.history(identity) == _as_history(ROWS)
    assert "config.json" in server.files(f"run-{identity}")


@pytest.mark.slow
def test_a_sweep_of_wandb_drives_the_command_unchanged(home: Path, tmp_path: Path, server: Server) -> None:
    data, runs = tiny.films(tmp_path), tmp_path / "runs"
    command = [sys.executable, "-m", "recloop.experiments.cli", "train", *tiny.settings(data), *tiny.PPO]
    wanted = ["tracking=online", f"run_dir={runs}/${{run_id:}}", "${args_no_hyphens}"]
    sweep = {"method": "grid", "parameters": {"agent.gamma": {"values": [0.5, 0.75]}}}
    Path("sweep.json").write_text(json.dumps(sweep | {"command": [*command, *wanted]}))
    server.trials = [{"agent.gamma": 0.5}, {"agent.gamma": 0.75}]
    environment = {**os.environ, "RECLOOP_CACHE": str(tmp_path / "cache")}
    for words in (["sweep", "--entity", "me", "--project", "recloop", "sweep.json"], ["agent", "me/recloop/sweep"]):
        subprocess.run([sys.executable, "-m", "wandb", *words], check=True, capture_output=True, env=environment)
    configs = [json.loads(path.read_text()) for path in runs.glob("*/config.json")]
    assert sorted(config["agent"]["gamma"] for config in configs) == [0.5, 0.75]
    assert {name: run["state"] for name, run in server.runs.items()} == {"trial0": "finished", "trial1": "finished"}
    for folder in runs.iterdir():
        rows = read_journal(folder / "metrics.jsonl")
        shown = server.history((folder / "wandb" / "id.txt").read_text())
        assert [row["steps"] for row in shown] == [row["steps"] for row in rows]


def _as_history(rows: list[Row]) -> list[dict[str, Any]]:
    return [{"_step": row["row"], **{key: value for key, value in row.items() if key != "row"}} for row in rows]
