import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.experiments.report import COLUMNS, DEFINITIONS, RECOMMENDED, Heading, write_report
from recloop.experiments.sessions import Played
from recloop.experiments.table import summarise

HEADING = Heading(
    name="headline",
    date="2026-11-22 20:30",
    commit="3f2a91c",
    command="recloop train experiment=headline seed=0",
    config={"env": {"dynamics": {"boredom": 0.4}}},
    manifest={"versions": {"torch": "2.13.0"}},
)


@pytest.fixture
def report(played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]) -> Any:
    def write(folder: Path, heading: Heading = HEADING, policies: list[Played] = played) -> str:
        summary = summarise(policies, vectors, popularity, np.random.default_rng(0))
        groups = ["Drama"] * len(vectors)
        page = write_report(folder, heading, summary, policies, vectors, groups, np.random.default_rng(0))
        return page.read_text(encoding="utf-8")

    return write


def test_a_report_is_the_same_bytes_when_made_again_from_the_same_sessions(report: Any, tmp_path: Path) -> None:
    report(tmp_path / "one")
    report(tmp_path / "two")
    names = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")}
    assert {str(name) for name in names} == {
        "report.html",
        "plots/learning_curves.svg",
        "plots/reward_by_step.svg",
        "plots/taste_map.svg",
    }
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_report_fetches_nothing_and_runs_nothing(report: Any, tmp_path: Path) -> None:
    page = report(tmp_path)
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "@import" not in page
    assert set(re.findall(r'https?://[^"\s]+', page)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_a_report_follows_light_and_dark(report: Any, tmp_path: Path) -> None:
    page = report(tmp_path)
    assert page.count("prefers-color-scheme: dark") == 1
    assert "prefers-color-scheme: dark" in (tmp_path / "plots" / "taste_map.svg").read_text()


def test_a_report_says_where_it_comes_from(report: Any, tmp_path: Path) -> None:
    page = report(tmp_path)
    for words in ("headline", "2026-11-22 20:30", "3f2a91c", HEADING.command, "env.dynamics.boredom", "versions.torch"):
        assert words in page


def test_a_report_carries_label_stamp_table_and_verdict(report: Any, tmp_path: Path) -> None:
    page = report(tmp_path)
    assert "<strong>PLANNING</strong>" in page
    assert "EXPLORATORY: 3 seeds" in page
    assert page.count('<tr class="trained">') == 2  # what PPO earned, and what it recommended
    assert 'class="alarm"' not in page
    assert "PPO (observed) is above the greedy oracle so far" in page


def test_a_report_names_an_agent_that_has_collapsed_and_the_rule(
    report: Any, tmp_path: Path, played: list[Played]
) -> None:
    first, *others = played[2].sessions
    narrow = first._replace(items=np.full_like(first.items, 7))
    page = report(tmp_path, policies=[*played[:2], played[2]._replace(sessions=(narrow, *others)), *played[3:]])
    assert '<p class="alarm">COLLAPSED: PPO (observed), 1 of 3 seeds: 1.0 different items a session; ' in page
    assert "A seed has collapsed when it shows fewer than 3 different items a session" in page


def test_whatever_is_named_by_a_user_is_escaped(report: Any, tmp_path: Path, played: list[Played]) -> None:
    evil = "<img src=x onerror=alert(1)>"
    heading = Heading(evil, evil, evil, evil, {evil: evil}, {evil: {evil: evil}})
    page = report(tmp_path, heading, [*played[:2], played[2]._replace(policy=evil), *played[3:]])
    assert "<img" not in page
    assert page.count("&lt;img") > 8


def test_a_report_of_baselines_alone_has_no_learning_curve(report: Any, tmp_path: Path, played: list[Played]) -> None:
    page = report(tmp_path, policies=[one for one in played if not one.trained])
    assert "Learning curves" not in page
    assert "No agent was trained" in page
    assert not (tmp_path / "plots" / "learning_curves.svg").exists()


def test_every_column_of_the_table_is_defined(report: Any, tmp_path: Path) -> None:
    page = report(tmp_path)
    assert {column.heading for column in (*COLUMNS, *RECOMMENDED)} - {"policy", "sees", "seeds"} <= set(DEFINITIONS)
    assert "|set of items recommended| / num_items" in page
    assert "Raises" not in page
