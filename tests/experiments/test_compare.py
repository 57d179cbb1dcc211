"""`recloop report`: the page and the table of stored runs."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recloop.experiments.compare import runs_table
from recloop.experiments.compose import composed
from recloop.experiments.groups import group, trials_of
from recloop.experiments.journal import Journal
from recloop.experiments.planning_gap import GREEDY_ORACLE, PLANNER, RANDOM
from recloop.experiments.run import recorded
from recloop.experiments.sections import groups_table, sections
from recloop.experiments.sessions import save_sessions
from recloop.experiments.stored import find_runs
from tests.experiments import tiny
from tests.experiments.conftest import play


def store(folder: Path, share_clicked: float, *overrides: str) -> None:
    """A finished run without weights."""
    cfg = composed([*overrides, f"run_dir={folder}"])
    with recorded(cfg, folder, ["train", *overrides], [cfg.seed], {}):
        journal = Journal(folder / "metrics.jsonl")
        for steps in (0, 500, 1000):
            journal.write({"steps": steps, "held_out/clicks_per_session": steps / 1000 + cfg.seed / 10})
        journal.write({"steps": 1000, "final/coverage": 0.25 + cfg.seed / 4, "final/novelty": "a stranger's"})
        journal.close()
        baselines = [play(RANDOM, 0.1), play(GREEDY_ORACLE, 0.4), play(PLANNER, 0.9)]
        save_sessions(folder / "episodes.parquet", [*baselines, play(("PPO", "observed"), share_clicked, cfg.seed + 1)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds with one discount, two with another."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        store(folder / f"far-{seed}", 0.7, f"seed={seed}")
    for seed in range(2):
        store(folder / f"near-{seed}", 0.3, f"seed={seed}", "agent.gamma=0")
    return folder


@pytest.fixture(scope="module")
def page(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    assert tiny.recloop("report", str(runs), "--to", str(folder)) == 0
    return (folder / "report.html").read_text()


def test_the_page_has_every_part(page: str) -> None:
    for words in (
        "5 runs",
        "PLANNING",
        "EXPLORATORY: 2 seeds",
        "PPO, agent.gamma=0.98",
        "PPO, agent.gamma=0.0",
        "Against PPO, agent.gamma=0.98",
        "agent.gamma: 0.98 → 0",
        "Probability of improvement",
        "Learning curves",
        "Performance profiles",
        "Reward by step of the session",
        "What was recommended",
        "effective",
        "rollout planner",
    ):
        assert words.replace("0.0", "0") in page.replace("0.0<", "0<").replace("=0.0", "=0"), words


def test_what_the_catalog_is_needed_for_is_what_the_runs_have_noted(runs: Path) -> None:
    found = find_runs(runs)
    (section,) = sections(found, group(trials_of(found)), np.random.default_rng(0))
    rows = {row["policy"]: row for row in groups_table(section).to_dict("records")}
    assert rows["PPO, agent.gamma=0.98"]["coverage"] == pytest.approx(0.5)  # the mean of 1/4, 1/2 and 3/4
    assert np.isnan(rows["PPO, agent.gamma=0.98"]["novelty"])
    assert np.isnan(rows["random"]["coverage"])
    assert rows["random"]["session_length"] == 10


def test_three_discounts_make_a_gamma_sweep(runs: Path, page: str, tmp_path: Path) -> None:
    assert "Gamma sweep" not in page
    store(tmp_path / "run", 0.5, "agent.gamma=0.5")
    assert tiny.recloop("report", str(runs), str(tmp_path / "run"), "--to", str(tmp_path)) == 0
    assert "Gamma sweep" in (tmp_path / "report.html").read_text()


def test_a_group_that_shows_everybody_one_item_is_named(runs: Path, tmp_path: Path) -> None:
    store(tmp_path / "run", 0.5, "seed=4", "agent.gamma=0.5")
    *baselines, agent = find_runs(tmp_path)[0].played()
    narrow = tuple(one._replace(items=one.items * 0) for one in agent.sessions)
    save_sessions(tmp_path / "run" / "episodes.parquet", [*baselines, agent._replace(sessions=narrow)])
    assert tiny.recloop("report", str(tmp_path / "run"), "--to", str(tmp_path)) == 0
    page = (tmp_path / "report.html").read_text()
    assert '<p class="alarm">COLLAPSED: PPO (observed), 1 of 1 seeds: 1.0 different items a session; ' in page


def test_the_page_fetches_nothing_and_runs_nothing(page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert set(re.findall(r'https?://[^"\s]+', page)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_no_two_parts_of_the_page_share_an_id_or_point_nowhere(runs: Path, tmp_path: Path) -> None:
    store(tmp_path / "runs" / "other-luck", 0.5, "evaluation.seed=5", "seed=1")
    store(tmp_path / "runs" / "mine", 0.5, "seed=1")
    assert tiny.recloop("report", str(tmp_path / "runs"), "--to", str(tmp_path)) == 0
    page = (tmp_path / "report.html").read_text()
    assert "Held-out users and luck 2 of 2" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_the_page_is_the_same_bytes_when_made_again(runs: Path, tmp_path: Path) -> None:
    words = ("report", str(runs), "--to", str(tmp_path / "report"))
    assert tiny.recloop(*words) == 0
    first = (tmp_path / "report" / "report.html").read_bytes()
    assert tiny.recloop(*words) == 0
    assert (tmp_path / "report" / "report.html").read_bytes() == first


def test_the_table_has_a_row_a_run_and_the_keys_that_differ(runs: Path) -> None:
    table = runs_table(find_runs(runs))
    assert table["seed"].tolist() == [0, 1, 2, 0, 1]
    assert table["agent.gamma"].tolist() == [0.98, 0.98, 0.98, 0, 0]
    assert table["status"].unique().tolist() == ["finished"]
    played = find_runs(runs)[0].played()[-1]
    assert table["clicks_per_session"][0] == pytest.approx(float(played.sessions[0].clicks.sum(axis=1).mean()))


def test_the_table_is_kept_as_csv(runs: Path, tmp_path: Path) -> None:
    assert tiny.recloop("report", str(runs), "--to", str(tmp_path)) == 0
    kept = pd.read_csv(tmp_path / "runs.csv")
    assert kept["clicks_per_session"].tolist() == runs_table(find_runs(runs))["clicks_per_session"].tolist()


def test_runs_that_repeat_a_seed_are_said_and_left_out(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "far-0", tmp_path / "again")
    assert tiny.recloop("report", str(runs), str(tmp_path / "again"), "--to", str(tmp_path / "report")) == 0
    assert "1 of the runs repeat a seed" in (tmp_path / "report" / "report.html").read_text()


def test_a_run_named_twice_is_one_run(runs: Path, tmp_path: Path) -> None:
    assert tiny.recloop("report", str(runs), str(runs / "far-0"), "--to", str(tmp_path)) == 0
    assert "repeat a seed" not in (tmp_path / "report.html").read_text()


def test_what_a_stranger_named_is_escaped(runs: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs / "far-0", tmp_path / "run"))
    evil = "<img src=x onerror=alert(1)>"
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "name": evil}))
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "code": {"commit": evil}}))
    save_sessions(run / "episodes.parquet", [play((evil, "observed"), 0.5, 1)])
    assert tiny.recloop("report", str(run), "--to", str(tmp_path)) == 0
    page = (tmp_path / "report.html").read_text()
    assert "<img" not in page
    assert page.count("&lt;img") > 3


def test_runs_of_which_none_has_finished_are_said(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(runs / "far-0", tmp_path / "run"))
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}))
    assert tiny.recloop("report", str(run), "--to", str(tmp_path / "report")) == 2
    assert "no run has finished there" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_a_folder_without_runs_is_a_mistake_of_the_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("report", str(tmp_path)) == 2
    assert "holds no run" in capsys.readouterr().err
