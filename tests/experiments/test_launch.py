"""`recloop train` from the first word to the report."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from recloop.experiments.checkpoints import load_weights
from recloop.experiments.journal import read_journal
from recloop.experiments.sessions import load_sessions
from tests.experiments import tiny


class Finished(NamedTuple):
    folder: Path
    status: int
    output: str


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return ["train", *tiny.settings(tiny.films(tmp_path_factory.mktemp("films"))), *tiny.PPO]


@pytest.fixture(scope="module")
def finished(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """A whole run in this process, with W&B offline, as is the default; output is no terminal."""
    here = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch, (here / "output.txt").open("w+") as output:
        patch.chdir(here)
        patch.setenv("RECLOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("sys.stdout", output)
        status = tiny.recloop(*words, "tracking=offline", "run_dir=my/run")
        output.seek(0)
        yield Finished(here / "my" / "run", status, output.read())


def test_it_ends_well(finished: Finished) -> None:
    assert finished.status == 0


def test_the_run_folder_holds_everything(finished: Finished) -> None:
    names = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*")}
    assert {
        "config.json",
        "manifest.json",
        "metrics.jsonl",
        "episodes.parquet",
        "checkpoints/final.safetensors",
        "checkpoints/projection.safetensors",
        "report.html",
        "plots/learning_curves.svg",
        "plots/reward_by_step.svg",
        "plots/taste_map.svg",
    } <= names
    assert not [name for name in names if name.endswith((".tmp", ".pkl", ".pt", ".zip"))]


def test_the_manifest_says_how_it_was_made(finished: Finished) -> None:
    facts = json.loads((finished.folder / "manifest.json").read_text())
    assert facts["status"] == "finished"
    assert facts["seeds"] == [0]
    assert facts["command"][:2] == ["train", facts["command"][1]]
    assert set(facts["fingerprints"]) == {"data", "world encoder", "encoder"}
    assert all(re.fullmatch("[0-9a-f]{64}", fingerprint) for fingerprint in facts["fingerprints"].values())


def test_the_sessions_are_those_of_baselines_and_agent(finished: Finished) -> None:
    played = load_sessions(finished.folder / "episodes.parquet")
    assert played[0].key == ("random", "-")
    assert [(one.key, one.trained) for one in played if one.trained] == [(("PPO", "observed"), True)]
    assert len({tuple(one.sessions[0].users) for one in played}) == 1


def test_the_journal_ends_with_the_figure_of_the_table(finished: Finished) -> None:
    clicks = read_journal(finished.folder / "metrics.jsonl")[-1]["final/clicks_per_session"]
    row, _ = (line for line in finished.output.splitlines() if line.startswith("PPO"))  # earned, and recommended
    assert f" {clicks:.1f} " in row


def test_the_weights_can_be_read(finished: Finished) -> None:
    assert load_weights(finished.folder / "checkpoints" / "final.safetensors")


def test_the_table_is_printed_whole_and_plain(finished: Finished) -> None:
    lines = finished.output.splitlines()
    assert [line for line in lines if line.startswith(("policy", "random", "rollout planner", "environment: "))]
    assert "\x1b" not in finished.output
    assert "…" not in finished.output


def test_the_last_lines_say_how_to_upload_and_where_the_report_is(finished: Finished) -> None:
    (offline,) = (finished.folder / "wandb").glob("offline-run-*")
    assert list(offline.glob("*.wandb"))
    *_, upload, report = finished.output.splitlines()
    assert upload == f"W&B: offline; `wandb sync my/run/wandb/{offline.name}` uploads it"
    assert report == "report: my/run/report.html"


def test_the_report_tells_the_command_without_the_home_folder(finished: Finished) -> None:
    page = (finished.folder / "report.html").read_text()
    assert "recloop train" in page
    assert str(Path.home()) not in page


def test_a_second_run_does_not_write_over_the_first(
    finished: Finished, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (finished.folder / "manifest.json").read_bytes()
    assert tiny.recloop(*words, f"run_dir={finished.folder}") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert (finished.folder / "manifest.json").read_bytes() == before


def test_ctrl_c_stops_cleanly_and_keeps_weights_and_journal(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    folder, deadline = tmp_path / "run", time.monotonic() + 120
    steps = [word for word in words if not word.startswith("steps=")]
    process = tiny.start([*steps, "steps=20000", f"run_dir={folder}"], tmp_path / "home", tmp_path / "cache")
    try:
        while not (folder / "metrics.jsonl").exists() or not (folder / "metrics.jsonl").stat().st_size:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, output) == (130, ""), error
    assert error.splitlines()[-1] == f"recloop: stopped; go on with resume=true run_dir={folder}"
    assert "Traceback" not in error
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
    assert load_weights(folder / "checkpoints" / "final.safetensors")
    assert read_journal(folder / "metrics.jsonl")[0]["steps"] == 0
    assert not (folder / "report.html").exists()
