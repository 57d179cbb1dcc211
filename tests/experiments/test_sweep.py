"""`recloop sweep`: what it searches with, prints and leaves behind."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from recloop.experiments.seeding import TUNING_SEEDS
from recloop.experiments.sweep_settings import LUCK
from tests.experiments import tiny, tiny_sweep

STUDY = Path("runs/sweeps/mine")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a study of three trials has been made."""
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture(scope="module")
def words(home: Path) -> list[str]:
    return tiny_sweep.words(home)


@pytest.fixture(scope="module")
def printed(home: Path, words: list[str]) -> str:
    """What the study's first worker said."""
    with contextlib.chdir(home), tiny.start(["sweep", *words, "study=mine"], home, home / "cache") as process:
        output, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return output


@pytest.fixture(autouse=True)
def there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("RECLOOP_CACHE", str(home / "cache"))


def test_it_says_what_it_found_and_how_to_run_the_best(printed: str) -> None:
    assert "mine: 3 trials, 3 complete" in printed
    assert "what mattered for clicks_per_session: agent." in printed
    assert "recloop train -m --config-dir runs/sweeps/mine experiment=best seed=0,1,2,3,4" in printed


def test_every_trial_is_a_run_on_tuning_seeds_and_validation_users(printed: str) -> None:
    runs = sorted((STUDY / "trials").glob("*/*/config.json"))
    assert [str(path.parent.relative_to(STUDY / "trials")) for path in runs] == [
        "000-0/2000000", "001-1/2000000", "002-2/2000000",
    ]  # fmt: skip
    for config in (json.loads(path.read_text()) for path in runs):
        assert config["seed"] in TUNING_SEEDS
        assert config["env"]["population"]["validation"] == 0.3
        assert config["evaluation"]["seed"] == LUCK


def test_the_same_command_again_adds_nothing(words: list[str], printed: str) -> None:
    before = (STUDY / "trials.csv").read_bytes()
    assert tiny.recloop("sweep", *words, "study=mine") == 0
    assert (STUDY / "trials.csv").read_bytes() == before
    assert len(list((STUDY / "trials").iterdir())) == 3


def test_the_best_is_an_experiment_that_runs_with_seeds_for_reporting(words: list[str], printed: str) -> None:
    best = pd.read_csv(STUDY / "trials.csv").iloc[0]
    assert best["clicks_per_session"] == pd.read_csv(STUDY / "trials.csv")["clicks_per_session"].max()
    assert tiny.recloop("train", "--config-dir", str(STUDY), "experiment=best", "seed=3", "run_dir=runs/best") == 0
    config = json.loads(Path("runs/best/config.json").read_text())
    assert config["agent"]["learning_rate"] == best["agent.learning_rate"]
    assert str(config["agent"]["hidden"]).replace(" ", "") == best["agent.hidden"]
    assert (config["steps"], config["env"]["population"]["validation"]) == (tiny.STEPS, None)


def test_a_tuning_seed_is_not_reported(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("train", *words[1:], "seed=2000000", "run_dir=runs/cheat") == 2
    assert "seed is 2000000, a tuning seed" in capsys.readouterr().err
    assert tiny.recloop("train", *words[1:], "env.population.validation=0.3", "run_dir=runs/cheat") == 2
    assert "seed is 0, no tuning seed" in capsys.readouterr().err


def test_a_space_that_cannot_run_is_refused_before_anything_runs(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    space = "sweep.space={agent.lerning_rate: {low: 0.1, high: 0.2}}"
    assert tiny.recloop("sweep", *words, "study=other", space) == 2
    assert "did you mean agent.learning_rate?" in capsys.readouterr().err
    assert not Path("runs/sweeps/other").exists()


@pytest.mark.slow
def test_several_objectives_and_seeds(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    objectives = "sweep.objectives={clicks_per_session: maximize, diversity: minimize}"
    more = ["sweep.trials=2", "sweep.seeds=[2000000,2000001]", "study=two", objectives]
    assert tiny.recloop("sweep", *words, *more) == 0
    table = pd.read_csv("runs/sweeps/two/trials.csv")
    assert len(table[["clicks_per_session", "diversity"]].dropna()) == 2
    assert len(list(Path("runs/sweeps/two/trials").glob("*/*"))) == 4
    assert "what mattered for diversity" in capsys.readouterr().out


def test_help_shows_examples() -> None:
    command = [sys.executable, "-m", "recloop.experiments.cli", "sweep", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "recloop sweep sweep=ppo_default study=" in run.stdout
