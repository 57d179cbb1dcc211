"""`recloop log`, `recloop ope` and `recloop ab`, from the command line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recloop.experiments.logs import load_log
from tests.experiments import tiny

PLACE = ("env.sessions.max_steps=2", "env.population.held_out=0.9")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A tiny place to play; no network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECLOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        films = tmp_path_factory.mktemp("films")
        yield [*tiny.settings(tiny.films(films)), *PLACE]


@pytest.fixture(scope="module")
def log(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 405 sessions."""
    folder = tmp_path_factory.mktemp("log") / "log"
    recorded = ("similarity-greedy", "--epsilon", "0.6", "--sessions-per-user", "15", "--out", str(folder))
    assert tiny.recloop("log", *recorded, *words) == 0
    return folder


@pytest.fixture(scope="module")
def run(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "ppo"
    assert tiny.recloop("train", *words, *tiny.PPO, "seed=3", f"run_dir={folder}") == 0
    return folder


def test_a_log_says_how_it_was_made_and_how_it_is_read(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ("random", "--sessions-per-user", "1", "--seed", "7", "--out", str(tmp_path / "log"))
    assert tiny.recloop("log", *said, *words) == 0
    out = capsys.readouterr().out
    assert "27 sessions, 54 recommendations" in out
    assert f"MINARI_DATASETS_PATH={tmp_path / 'log'}" in out
    assert json.loads((tmp_path / "log" / "log.json").read_text())["seed"] == 7
    assert np.allclose(load_log(tmp_path / "log").propensities, 1 / tiny.NUM_FILMS)


def test_the_same_command_records_the_same_log(words: list[str], tmp_path: Path) -> None:
    for name in ("first", "again"):
        assert tiny.recloop("log", "popularity", "--sessions-per-user", "1", "--out", str(tmp_path / name), *words) == 0
    logs: list[tuple[Any, ...]] = [load_log(tmp_path / name) for name in ("first", "again")]
    for before, now in zip(*logs, strict=True):
        assert before.tobytes() == now.tobytes()


@pytest.mark.parametrize("flags", [[], ["--each-step"]])
def test_estimates_stand_beside_the_truth(log: Path, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("ope", str(log), "similarity-greedy", "random", "--epsilon", "0.8", *flags) == 0
    lines = capsys.readouterr().out.splitlines()
    truths = [float(found[1]) for line in lines if (found := re.search(r"true re\w+ ([\d.]+)", line))]
    exact = [float(line.split()[1]) for line in lines if line.startswith("DR")]
    assert len(truths) == len(exact) == 2
    np.testing.assert_allclose(exact, truths, atol=0.15 if not flags else 0.08)


def test_the_logging_policy_is_estimated_without_weights(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("ope", str(log), "similarity-greedy", "--epsilon", "0.6") == 0
    assert "ESS 405 of 405, largest weight 1, 0.0% above 10" in capsys.readouterr().out


def test_a_policy_far_from_the_log_is_refused(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("ope", str(log), "popularity") == 2
    assert re.search(r"refused: ESS \d+ of 405, at least 100 and 1% needed", capsys.readouterr().err)


def test_what_sees_more_than_the_log_holds_is_refused(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("ope", str(log), "greedy-oracle") == 2
    assert "greedy-oracle sees the true state, the log holds what is observed" in capsys.readouterr().err


@pytest.mark.slow
def test_an_agent_logs_with_its_own_chances_and_is_estimated(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "log"
    assert tiny.recloop("log", str(run), "--sessions-per-user", "8", "--out", str(folder)) == 0
    assert len(np.unique(load_log(folder).propensities)) > 100
    assert tiny.recloop("ope", str(folder), str(run)) == 0
    assert "PPO seed 3: true return" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (("log", "similarity-gredy"), "did you mean similarity-greedy?"),
        (("log", "popularity", "--epsilon", "2"), "--epsilon is 2.0; it is a share, from 0 to 1"),
        (("log", "popularity", "--temperature", "1"), "--temperature: popularity has no scores; give --epsilon"),
        (("log", "random", "--epsilon", "0.1", "--temperature", "1"), "give one of them"),
        (("log", "random", "--sessions-per-user", "0"), "--sessions-per-user is 1 or more"),
        (("log", "random", "stpes=5"), "did you mean steps?"),
        (("ope", "nowhere", "random"), "nowhere/log.json: no such file"),
        (("ab", "random", "popularity", "--interleave", "3"), "--interleave: random ranks nothing"),
    ],
)
def test_a_mistake_is_one_line(
    said: tuple[str, ...], reason: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = [] if said[0] == "ope" else words
    assert tiny.recloop(*said, *place) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1


def test_too_few_people_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    place = [*words, "env.population.held_out=0.95", "env.sessions.max_steps=10"]
    assert tiny.recloop("ab", "random", "similarity-greedy", *place) == 2
    assert "leaves 28 users; a test needs 30" in capsys.readouterr().err
