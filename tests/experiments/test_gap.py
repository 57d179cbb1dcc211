"""`recloop gap`: what it prints, what it keeps, and what the labels of the worlds that ship are."""

import json
from pathlib import Path

import pytest

from tests.experiments import tiny


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return tiny.settings(tiny.films(tmp_path_factory.mktemp("films")))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return here


def kept(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "gap.json").read_text())
    assert isinstance(found, dict)
    return found


def test_table_figures_and_plot_are_kept(words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("gap", *words, "run_dir=mine") == 0
    output, found = capsys.readouterr().out, kept(elsewhere / "mine")
    assert {path.name for path in (elsewhere / "mine").iterdir()} == {
        "config.json",
        "gap.json",
        "lookahead.svg",
        "table.txt",
    }
    for line in ("greedy oracle", "lookahead of 3", "clairvoyant bound", "environment: ", "effective horizon k_eff"):
        assert line in output, line
    assert str(found["label"]) in output
    assert found["command"] == ["gap", *words, "run_dir=mine"]
    assert {"made", "seed", "fingerprints", "code", "versions", "platform"} < set(found)
    assert {"planning_gap", "uplift", "uplift_at_most", "action_influence", "effective_horizon"} <= set(found)


def test_the_world_without_dynamics_is_a_bandit(words: list[str], elsewhere: Path) -> None:
    assert tiny.recloop("gap", *words, "env=static", "run_dir=still") == 0
    found = kept(elsewhere / "still")
    assert (found["label"], found["action_influence"], found["effective_horizon"]) == ("BANDIT", 0, 1)


@pytest.mark.slow
def test_the_agent_of_a_stored_run_stands_in_the_table(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("train", *words, *tiny.PPO, "run_dir=run") == 0
    assert kept(elsewhere / "run")["action_influence"] == 1
    capsys.readouterr()
    assert tiny.recloop("gap", "run=run", "env.dynamics.boredom.weight=0.9") == 0
    assert "PPO" in capsys.readouterr().out
    (folder,) = (elsewhere / "run" / "gaps").iterdir()
    returns = kept(folder)["returns"]
    assert isinstance(returns, list)
    assert "PPO" in {row["policy"] for row in returns}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("run=nowhere", "nowhere: no such folder"),
        ("evaluation.planner_horizon=0", "evaluation.planner_horizon is 0"),
        ("--fast", "--fast"),
    ],
)
def test_a_mistake_is_one_line(word: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("gap", word) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_help_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("gap", "--help") == 0
    assert "recloop gap run=" in capsys.readouterr().out


@pytest.mark.slow
def test_on_real_films_the_default_is_planning_and_the_static_world_a_bandit(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECLOOP_CACHE")
    quick = ("evaluation.planner_horizon=4", "env.population.held_out=0.1")
    labels = {}
    for world in ("movielens", "static"):
        assert tiny.recloop("gap", f"env={world}", *quick, f"run_dir={world}") == 0
        labels[world] = kept(elsewhere / world)["label"]
    assert labels == {"movielens": "PLANNING", "static": "BANDIT"}
