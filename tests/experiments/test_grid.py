"""A grid: folders that stay the same, cells that run once, launchers of Hydra's."""

import json
from pathlib import Path

import pytest

from recloop.experiments.grid import folder_name, naming
from tests.experiments import tiny


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is typed in; its cache lies beside it."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return here


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "films").mkdir()
    return [*tiny.settings(tiny.films(tmp_path / "films")), *tiny.PPO, "-m", "run_dir=runs/grid", "resume=true"]


def cells() -> dict[str, tuple[str, int]]:
    """How every cell of the grid ended, and when its manifest was written."""
    manifests = sorted(Path("runs/grid").glob("*/manifest.json"))
    return {path.parent.name: (json.loads(path.read_text())["status"], path.stat().st_mtime_ns) for path in manifests}


def test_folders_are_named_after_the_keys_that_vary() -> None:
    words = ["-m", "--config-dir", "my/configs", "agent=ppo,dqn", "steps=100", "seed=range(0,3)", "run_dir=x"]
    assert naming(words) == "hydra.job.config.override_dirname.exclude_keys=['resume','run_dir','steps']"


def test_a_name_that_is_no_folder_s_is_spelled_and_told_apart() -> None:
    assert folder_name("agent=dqn,seed=1") == "agent=dqn,seed=1"
    one, other = folder_name("env.dataset.folder=a/b"), folder_name("env.dataset.folder=a_b")
    assert one.startswith("env.dataset.folder=a_b-")
    assert (other, one == folder_name("env.dataset.folder=a/b")) == ("env.dataset.folder=a_b", True)
    assert len(folder_name("x" * 300)) < 120
    assert not {folder_name(""), folder_name("."), folder_name("..")} & {"", ".", ".."}


@pytest.mark.slow
def test_cells_that_have_finished_are_not_run_again(words: list[str]) -> None:
    assert tiny.recloop("train", *words, "seed=1,2") == 0
    before = cells()
    assert {name: status for name, (status, _) in before.items()} == {"seed=1": "finished", "seed=2": "finished"}
    assert tiny.recloop("train", *words, "seed=0,2,1") == 0
    after = cells()
    assert list(after) == ["seed=0", "seed=1", "seed=2"]
    assert {name: after[name] for name in before} == before


def test_a_cell_that_cannot_run_is_named_and_the_others_run(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("train", *words, "seed=-1,1") == 2
    assert "recloop: seed is -1" in capfd.readouterr().err
    assert [name for name, (status, _) in cells().items() if status == "finished"] == ["seed=1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5"],
    ],
    ids=["joblib", "submitit"],
)
def test_launchers_make_what_one_process_makes(launcher: list[str], words: list[str], elsewhere: Path) -> None:
    assert tiny.recloop("train", *words, "seed=1,2", "run_dir=runs/calm") == 0
    with tiny.start(["train", *words, "seed=1,2", *launcher], elsewhere, elsewhere.parent / "cache") as process:
        output, error = process.communicate(timeout=300)
    assert process.returncode == 0, output + error
    assert {name: status for name, (status, _) in cells().items()} == {"seed=1": "finished", "seed=2": "finished"}
    for cell in ("seed=1", "seed=2"):
        weights = [Path(f"runs/{grid}/{cell}/checkpoints/final.safetensors").read_bytes() for grid in ("calm", "grid")]
        assert weights[0] == weights[1]
    assert not [path for path in elsewhere.iterdir() if path.name not in ("runs", ".submitit")]
