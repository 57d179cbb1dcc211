"""The command: what it prints, what it makes, and one line for every mistake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments import tiny

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return tiny.settings(tiny.films(tmp_path_factory.mktemp("films")))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is typed in; its cache lies beside it."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return here


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("agent.lerning_rate=1", ["agent.lerning_rate=1", "did you mean agent.learning_rate?"]),
        ("stpes=5", ["stpes=5", "did you mean steps?"]),
        ("agnet=ppo", ["agnet=ppo", "did you mean agent?"]),
        ("env/obsrvation=oracle", ["env/obsrvation", "did you mean env.observation?"]),
        ("agent=pppo", ["agent=pppo", "did you mean ppo?", "dqn, dqn_mlp, ", "ppo, ppo_mlp"]),
        ("experiment=smoek", ["experiment=smoek", "did you mean smoke?"]),
        ("nonsense", ["'nonsense'", "key=value"]),
        ("steps=1,2", ["steps=1,2", "--multirun"]),
        ("steps=-5", ["steps is -5", "1 or more"]),
        ("steps=abc", ["steps is 'abc'", "whole number"]),
        ("seed=x", ["seed is 'x'", "whole number"]),
        ("threads=0", ["threads is 0", "1 or more"]),
        ("agent.num_envs=-3", ["agent: num_envs is -3", "1 or more"]),
        ("encoder=minilm encoder.model=/tmp/nothing", ["encoder: model '/tmp/nothing'", "config.json"]),
        ("encoder=minilm encoder.model=asset:minilmm", ["encoder.model", "'minilmm'", "did you mean minilm?"]),
        ("env.dataset.folder=/tmp/nothing", ["env.dataset", "/tmp/nothing/ml-100k.item is missing"]),
        ("projection.dim=800", ["encoder: dim is 800", "40 vectors"]),
        ("run_dir=/dev/null/x", ["cannot write to /dev/null/x", "run_dir="]),
        ("experiment=smoke seed=3", ["seed=3", "vary"]),
        ("experiment=smoke suite.seeds=[1,1]", ["PPO, seed 1 comes twice"]),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    mistake: str, said: list[str], words: list[str], elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = tiny.recloop("train", *words, *mistake.split())
    output, error = capfd.readouterr()
    lines = [line for line in error.splitlines() if "everything goes to" not in line]
    assert (status, output, len(lines)) == (2, "", 1), error
    assert lines[0].startswith("recloop: ")
    assert [words for words in said if words not in lines[0]] == [], lines[0]
    assert list(elsewhere.iterdir()) == []


def test_cells_refuse_what_they_vary(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("train", "experiment=smoke", "agent=dqn") == 2
    assert "agent=dqn: the cells of this experiment vary that key" in capsys.readouterr().err


def test_a_run_is_not_written_over(words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "mine").mkdir()
    (elsewhere / "mine" / "manifest.json").write_text("{}")
    assert tiny.recloop("train", *words, "run_dir=mine") == 2
    assert "run_dir is mine, which holds a run already" in capsys.readouterr().err
    assert [path.name for path in (elsewhere / "mine").iterdir()] == ["manifest.json"]


def test_a_word_that_is_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("trian") == 2
    assert (
        capsys.readouterr().err == "recloop: 'trian' is no command (did you mean train?); `recloop --help` lists them\n"
    )


@pytest.mark.parametrize("flag", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop(*flag) == 0
    assert "  train  " in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("--version") == 0
    assert capsys.readouterr().out.startswith("recloop 0.")


def test_help_of_train_lists_groups_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("train", "--help") == 0
    page = capsys.readouterr().out
    assert "agent: dqn, dqn_mlp, " in page
    assert "learning_rate:" in page


def test_the_whole_configuration_is_printed_and_nothing_runs(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("train", "seed=7", "--cfg", "job") == 0
    assert "seed: 7\n" in capsys.readouterr().out
    assert list(elsewhere.iterdir()) == []


def test_a_grid_makes_a_run_folder_a_cell(words: list[str], elsewhere: Path) -> None:
    assert tiny.recloop("train", *words, *tiny.PPO, "-m", "seed=1,2") == 0
    (grid,) = (elsewhere / "runs" / "train").iterdir()
    assert sorted(path.parent.name for path in grid.glob("*/report.html")) == ["seed=1", "seed=2"]
    for config in grid.glob("*/config.json"):
        assert f'"run_dir": "{config.parent.relative_to(elsewhere)}"' in config.read_text()


def test_the_script_is_the_command(elsewhere: Path) -> None:
    script = [sys.executable, str(ROOT / "experiments" / "train.py"), "steps=7", "--cfg", "job"]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (run.returncode, "steps: 7\n" in run.stdout) == (0, True), run.stderr


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "recloop.experiments.cli", "train", "--cfg", "job"]
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert run.stderr == ""
