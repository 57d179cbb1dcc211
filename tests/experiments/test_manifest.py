"""The manifest tells what a result depends on, and nothing about whose it is."""

import json
import subprocess
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from recloop.experiments.manifest import (
    THREAD_VARIABLES,
    code,
    ended,
    machine,
    manifest,
    results,
    versions,
    write_manifest,
)


def made(*command: str) -> dict[str, Any]:
    return manifest(command, ["agent", "seed"], [3], {"ml-100k": "ab12"}, threads=1, device="cpu")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "checkout"
    folder.mkdir()
    (folder / "model.py").write_text("gamma = 0.97\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_it_holds_what_it_was_given() -> None:
    content = made("train", "agent=dqn")
    assert content["command"] == ["train", "agent=dqn"]
    assert content["seeds"] == [3]
    assert content["fingerprints"] == {"ml-100k": "ab12"}
    assert (content["threads"], content["device"]) == (1, "cpu")


def test_a_secret_on_the_command_line_is_not_in_it() -> None:
    assert "s3cret" not in json.dumps(made("train", "token=s3cret", "s3cret"))


def test_it_names_neither_machine_nor_user_nor_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "lab-canary-7")
    monkeypatch.setattr("platform.node", lambda: "lab-canary-7")
    monkeypatch.setenv("HOME", "/home/canary")
    monkeypatch.setenv("USER", "canary")
    assert "canary" not in json.dumps(made("train", "agent=/home/canary/mine"))


def test_a_run_starts_as_running_and_ends_as_told() -> None:
    started = made("train")
    over = ended(started, "interrupted")
    assert (started["status"], started["ended"]) == ("running", None)
    assert over["status"] == "interrupted"
    changing = ("status", "ended", "results")
    assert {key: over[key] for key in over if key not in changing} == {
        key: started[key] for key in started if key not in changing
    }


def test_what_a_run_left_is_told_by_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(b"abc")
    sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example B.1
    assert results(tmp_path) == {"journal_sha256": sha256_of_abc}
    assert ended(made("train"), "finished", results(tmp_path))["results"] == {"journal_sha256": sha256_of_abc}


def test_thread_variables_that_are_set_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    assert made("train")["thread_variables"] == {"MKL_NUM_THREADS": "3"}


def test_a_copy_of_the_configuration_is_kept() -> None:
    content = manifest([], [], [3], {}, threads=1, device="cpu", config={"agent": {"gamma": 0.9}})
    assert content["config"] == {"agent": {"gamma": 0.9}}


def test_times_are_in_utc() -> None:
    content = ended(made("train"), "finished")
    start, end = (datetime.fromisoformat(content[key]) for key in ("started", "ended"))
    assert start.utcoffset() == timedelta(0)
    assert start <= end


def test_it_is_written_as_json_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "run" / "manifest.json"
    content = made("train")
    write_manifest(path, content)
    write_manifest(path, ended(content, "failed"))
    assert json.loads(path.read_text())["status"] == "failed"
    assert [file.name for file in path.parent.iterdir()] == ["manifest.json"]


def test_versions_of_what_is_installed_are_told() -> None:
    assert versions()["numpy"] == version("numpy")
    assert versions()["recloop"] == version("recloop")


def test_a_library_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recloop.experiments.manifest.LIBRARIES", ("no-such-library",))
    assert versions() == {"no-such-library": None}


def test_the_machine_is_told_by_kind() -> None:
    assert set(machine()) == {
        "system", "architecture", "processor", "vector_instructions", "cores", "accelerator",
        "python", "implementation",
    }  # fmt: skip
    assert machine()["accelerator"] is None


def test_an_unchanged_checkout_is_its_commit(checkout: Path) -> None:
    assert code(checkout) == {"commit": git(checkout, "rev-parse", "HEAD"), "changes_sha256": None}


def test_a_change_shows_as_a_hash_that_depends_on_it(checkout: Path) -> None:
    hashes = set()
    for gamma in ("0.5", "0.6"):
        (checkout / "model.py").write_text(f"gamma = {gamma}\n")
        hashes.add(code(checkout)["changes_sha256"])
    assert len(hashes) == 2
    assert all(value is not None and len(value) == 64 for value in hashes)


def test_a_source_not_yet_added_counts_as_a_change_and_a_result_does_not(checkout: Path) -> None:
    (checkout / "metrics.jsonl").write_text("{}\n")
    assert code(checkout)["changes_sha256"] is None
    (checkout / "agent.py").write_text("")
    assert code(checkout)["changes_sha256"] is not None


def test_a_checkout_before_its_first_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert code(tmp_path.resolve())["commit"] is None


def test_a_package_inside_somebody_elses_repository_has_no_commit(checkout: Path) -> None:
    installed = checkout / "venv" / "recloop"
    installed.mkdir(parents=True)
    assert code(installed) == {"commit": None, "changes_sha256": None}


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert code(checkout) == {"commit": None, "changes_sha256": None}
