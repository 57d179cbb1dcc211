"""`recloop explain`."""

import json
from pathlib import Path

import numpy as np
import pytest

from recloop.experiments.recommender import Recommender
from tests.experiments import tiny


@pytest.fixture(scope="module")
def run(here: Path) -> Path:
    """A trained agent."""
    words = (*tiny.settings(here / "films"), *tiny.PPO, "steps=128")
    assert tiny.recloop("train", *words, f"run_dir={here / 'run'}") == 0
    return here / "run"


@pytest.fixture(scope="module")
def titles(run: Path) -> list[str]:
    return list(Recommender.load(run).items.known_titles[:4])


def test_a_table_is_for_people(run: Path, titles: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    history, skipped, words = titles[:2], titles[2], "A writer."
    assert tiny.recloop("explain", str(run), "--user", words, "--history", *history, "--skipped", skipped) == 0
    printed = capsys.readouterr().out
    for line in (*(f"liked {title}" for title in history), f"passed over {skipped}", "profile says writer."):
        assert line in printed
    assert "the agent's value" in printed
    assert " ranks 1st" in " ".join(printed.split())
    assert "without the profile: " in printed


def test_json_is_for_programs(run: Path, titles: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("explain", str(run), "--history", *titles, "--json", "--k", "3") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["rank"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert sum(part["total"] for part in line["parts"]) == pytest.approx(line["value"])
        assert line["title"] in line["sentence"]
        assert {part["what"] for part in line["parts"] if part["kind"] == "liked"} == set(titles)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "nobody is told of; give --user or --history"),
        (("--user", "   "), "nothing is told of this person"),
        (("--user", "A writer.", "-k", "0"), "-k is 0; ask for 1 item or more"),
        (("--user", "A writer.", "-k", "50"), "k is 50, but there are 40 items"),
        (("--user", "A writer.", "--item", "qwertyuiop"), "--item: nothing to recommend is called 'qwertyuiop'; give"),
        (("--history", "qwertyuiop"), "no item is called 'qwertyuiop'; give titles as the catalog has them"),
        (("--user", "A writer.", "--context", "noon"), "--context is 'noon'; write name=value"),
        (("--user", "A writer.", "--faithfulness"), "--faithfulness: takes users of the data"),
        (("--faithfulness", "--plot", "nowhere/a.svg"), "--plot is nowhere/a.svg; there is no folder nowhere"),
        (("--user", "A writer.", "--plot", "a.svg"), "--plot: draws the curves of --faithfulness; add that flag"),
    ],
)
def test_a_mistake_is_one_line(
    run: Path, words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("explain", str(run), *words) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_too_long_a_history_is_refused(run: Path, titles: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("explain", str(run), "--history", *titles * 65) == 2
    assert "history has 260 titles; explain by the last 256 at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    "profile",
    ["😀 🎬", "سينما قديمة وأفلام حرب", "סרטים ישנים", "老电影", "[bold]x[/bold]", "word " * 2_000, "x" * 100_000],
    ids=["emoji", "arabic", "hebrew", "chinese", "markup", "many words", "one word"],
)
def test_any_profile_is_explained(run: Path, profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("explain", str(run), "--user", profile, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    said = [part["what"] for part in found["parts"] if part["kind"] == "word"]
    assert sorted(" ".join(said).split()) == sorted(profile.split())
    assert tiny.recloop("explain", str(run), "--user", profile) == 0


def test_faithfulness_is_measured_and_drawn(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("explain", str(run), "--faithfulness", "--plot", str(tmp_path / "curves.svg")) == 0
    printed = capsys.readouterr().out
    assert "random" in printed
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")


def test_the_curves_begin_and_end_where_all_or_nothing_is_known_and_beat_random_ones(run: Path) -> None:
    from recloop.experiments.faithfulness import RANDOM, better_than_random, measure

    curves = measure(run, people=20)
    for own in curves.values():
        np.testing.assert_allclose(own.deletion.mean(axis=0)[[0, -1]], [1, 0], atol=1e-9)
        np.testing.assert_allclose(own.insertion.mean(axis=0)[[0, -1]], [0, 1], atol=1e-9)
    less, more = better_than_random(curves, "what adds most")
    assert less.low > 0
    assert more.low > 0
    assert better_than_random(curves, RANDOM)[0] == (0, 0, 0)
