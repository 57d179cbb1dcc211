"""G16: a third of the workers and the coordinator are killed; every cell is there once, as if nothing had been."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from recloop.experiments.journal import read_journal
from tests.experiments import tiny, tiny_sweep

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 300


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def completed(study: Path) -> int:
    """How many trials have completed so far."""
    return len(list(study.glob("trials/*/*/episodes.parquet")))


def test_a_search_whose_workers_and_coordinator_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["sweep", *tiny_sweep.words(tmp_path), "steps=4096", "sweep.trials=9", "sweep.heartbeat_seconds=2"]
    studies = {name: tmp_path / "runs" / "sweeps" / name for name in ("calm", "killed")}

    def worker(study: str) -> "subprocess.Popen[str]":
        # the same folder for all, as on one machine or on a file system that they share
        return tiny.start([*words, f"study={study}"], tmp_path, tmp_path / "cache")

    calm = worker("calm")
    _, error = calm.communicate(timeout=PATIENCE_SECONDS)
    assert calm.returncode == 0, error
    first, second, third = (worker("killed") for _ in range(3))
    wait_until(lambda: completed(studies["killed"]) >= 2)
    kill(first)  # which made the study: the nearest to a coordinator that there is
    kill(second)
    _, error = third.communicate(timeout=PATIENCE_SECONDS)
    assert third.returncode == 0, error
    again = worker("killed")
    assert again.wait(PATIENCE_SECONDS) == 0
    again.communicate()
    tables = {name: pd.read_csv(folder / "trials.csv") for name, folder in studies.items()}
    assert len(list((studies["killed"] / "trials").iterdir())) > 9, "nobody was killed in the middle of a trial"
    assert sorted(tables["killed"]["trial"]) == list(range(1, 10))
    pd.testing.assert_frame_equal(tables["killed"], tables["calm"])
    assert (studies["killed"] / "experiment/best.yaml").read_text() == (
        studies["calm"] / "experiment/best.yaml"
    ).read_text().replace("calm", "killed")


def test_ctrl_c_puts_the_trial_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["sweep", *tiny_sweep.words(tmp_path), "study=x", "sweep.trials=2"]
    study = tmp_path / "runs" / "sweeps" / "x"
    worker = tiny.start([*words, "steps=8192"], tmp_path, tmp_path / "cache")
    wait_until(lambda: bool(list(study.glob("trials/*/*/metrics.jsonl"))))
    worker.send_signal(signal.SIGINT)
    _, error = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 130, error
    assert "trial 1 of 2: stopped, and put back" in error
    assert error.endswith("recloop: stopped; give the same command again to go on with study x\n")
    with tiny.start([*words, "steps=8192"], tmp_path, tmp_path / "cache") as again:
        _, error = again.communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0, error
    assert list(pd.read_csv(study / "trials.csv")["state"]) == ["complete", "complete"]
    assert len(list((study / "trials").iterdir())) == 3


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Path]:
    """A Ray cluster of three CPUs on this machine, and the folder that is its home."""
    session = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # paths of sockets are short
    command = [
        "ray", "start", "--head", "--block", "--num-cpus=3", "--port=0", "--include-dashboard=false",
        "--disable-usage-stats", f"--temp-dir={session}",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "RECLOOP_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    script = str(Path(sys.executable).parent / command[0])
    head = subprocess.Popen([script, *command[1:]], env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: bool(list(Path(session).glob("session_latest/sockets/raylet*"))))
        yield tmp_path
    finally:
        for pid in of_home(tmp_path, ""):
            os.kill(pid, signal.SIGKILL)
        head.wait()
        shutil.rmtree(session, ignore_errors=True)


def of_home(home: Path, name: str) -> list[int]:
    """The processes whose home folder is `home` and whose command begins with `name`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
        except OSError:  # it has ended, or is somebody else's
            continue
        if f"HOME={home}".encode() in environment.split(b"\0") and command.startswith(name.encode()):
            found.append(int(folder.name))
    return found


def test_a_ray_grid_whose_workers_and_coordinator_are_killed(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cluster)
    (cluster / "films").mkdir()
    seeds = "seed=0,1,2,3,4,5"
    words = ["train", *tiny.settings(tiny.films(cluster / "films")), *tiny.PPO, "steps=8192", "-m", seeds]
    with tiny.start([*words, "run_dir=runs/calm"], cluster, cluster / "cache") as calm:
        output, error = calm.communicate(timeout=PATIENCE_SECONDS)
    assert calm.returncode == 0, error
    grid = Path("runs/grid")

    def start() -> "subprocess.Popen[str]":
        attached = ["hydra/launcher=ray_cluster", "run_dir=runs/grid", "resume=true"]
        return tiny.start([*words, *attached], cluster, cluster / "cache")

    driver = start()
    wait_until(lambda: len(finished(grid)) >= 1 and len(of_home(cluster, "ray::_run_job")) == 3)
    os.kill(of_home(cluster, "ray::_run_job")[0], signal.SIGKILL)
    kill(driver)
    wait_until(lambda: not of_home(cluster, "ray::_run_job"))
    before = finished(grid)
    assert 1 <= len(before) < 6
    again = start()
    output, error = again.communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0, output + error
    after = finished(grid)
    assert sorted(after) == [f"seed={seed}" for seed in range(6)]
    assert {cell: after[cell] for cell in before} == before, "a cell that had finished was run again"
    for cell in after:
        mine, calm_one = grid / cell, Path("runs/calm") / cell
        assert (mine / "checkpoints/final.safetensors").read_bytes() == (
            calm_one / "checkpoints/final.safetensors"
        ).read_bytes()
        assert read_journal(mine / "metrics.jsonl") == read_journal(calm_one / "metrics.jsonl")


def finished(grid: Path) -> dict[str, int]:
    """The cells that have finished, and when."""
    manifests = {path.parent.name: path for path in grid.glob("*/manifest.json")}
    return {
        cell: path.stat().st_mtime_ns
        for cell, path in manifests.items()
        if json.loads(path.read_text())["status"] == "finished"
    }
