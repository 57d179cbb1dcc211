"""A run comes back from W&B as it was, and a stranger's brings nothing that recloop does not write."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from recloop.experiments import logged
from recloop.experiments.errors import UsageError
from recloop.experiments.logged import fetch_run, mirror_rows
from recloop.experiments.manifest import results
from recloop.experiments.tracking import WandbSettings
from tests.experiments.wandb_stub import Server

FACTS = {"status": "running", "seeds": [0], "fingerprints": {"data": "d"}, "code": {"commit": "c"}}
FILES = {
    "config.json": "{}",
    "manifest.json": json.dumps(FACTS),
    "metrics.jsonl": "rows",
    "checkpoints/final.safetensors": "weights",
    "checkpoints/projection.safetensors": "vectors",
    "report.html": "page",
    "notes.txt": "not recloop's",
}


def stored(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    """A run folder, as far as W&B is concerned."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def published(folder: Path, job_type: str = "train") -> str:
    """Log the run in `folder`; its id."""
    settings = WandbSettings("recloop", mode="online", entity="me")
    with settings.open(folder, group="g", job_type=job_type, name="n", config={}) as tracker:
        tracker.publish(folder)
    return (folder / "wandb" / "id.txt").read_text()


@pytest.mark.slow
def test_a_logged_run_comes_back_as_it_was_and_finished(home: Path, server: Server, tmp_path: Path) -> None:
    identity = published(stored(tmp_path / "run"))
    folder = fetch_run(f"me/recloop/{identity}", tmp_path / "fetched")
    got = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    facts = json.loads(got.pop("manifest.json"))
    assert facts["results"] == results(tmp_path / "run")
    assert {key: facts[key] for key in FACTS} == FACTS | {"status": "finished"}
    left_out = ("manifest.json", "report.html", "notes.txt")
    assert got == {name: text for name, text in FILES.items() if name not in left_out}
    assert list(server.files(f"report-{identity}")) == ["report.html"]
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_the_report_of_a_suite_takes_the_models_of_its_cells(home: Path, server: Server, tmp_path: Path) -> None:
    cell = published(stored(tmp_path / "suite" / "cells" / "ppo-seed0"))
    files = {name: FILES[name] for name in ("manifest.json", "report.html")}
    report = published(stored(tmp_path / "suite", files), "report")
    assert server.uses == [(report, f"model-{cell}")]


@pytest.mark.slow
def test_a_run_that_recloop_has_not_logged_is_refused(home: Path, server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"me/recloop/unknown: W&B says .*; check its name and `wandb login`"):
        fetch_run("me/recloop/unknown", tmp_path)
    assert not (tmp_path / "unknown").exists()


@pytest.mark.parametrize("path", ["run", "me/run", "a/b/c/d", "../../x", "me/recloop/..", "me/recloop/a b", "me//x"])
def test_what_is_no_path_of_a_run_is_refused_before_anybody_is_asked(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError, match="write entity/project/run_id"):
        fetch_run(path, tmp_path)


def test_a_folder_that_exists_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    with pytest.raises(UsageError, match="abc exists already"):
        fetch_run("me/recloop/abc", tmp_path)


@pytest.mark.slow
def test_files_that_recloop_would_not_log_are_refused_and_leave_nothing(
    home: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = published(stored(tmp_path / "run", {"manifest.json": FILES["manifest.json"], "config.json": "{}"}))
    (place,) = [path for path in server.blobs if path.startswith("/manifest/")]
    manifest = json.loads(server.blobs[place])
    entry = manifest["contents"]["config.json"]
    tricks: list[dict[str, Any]] = [
        {"../../escaped.txt": entry},
        {"evil.pkl": entry},
        {"config.json": entry | {"ref": "file:///etc/passwd"}},
        {"config.json": entry | {"size": 10**12}},
        manifest["contents"] | {"config.json": entry | {"size": 1}},
    ]
    before = set(tmp_path.rglob("*"))
    for trick in tricks:
        server.blobs[place] = json.dumps(manifest | {"contents": trick}).encode()
        with pytest.raises(UsageError, match=r"no file of recloop's|not as large as it should be"):
            fetch_run(f"me/recloop/{identity}", tmp_path / "fetched")
    monkeypatch.setattr(logged, "FILE_BYTES", 3)
    with pytest.raises(UsageError, match="is it recloop's"):
        fetch_run(f"me/recloop/{identity}", tmp_path / "fetched")
    assert set(tmp_path.rglob("*")) - before <= {tmp_path / "fetched"}


def test_a_folder_without_an_offline_run_has_no_rows_to_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no offline run"):
        mirror_rows(tmp_path)
