"""`recloop fidelity`, worlds fitted on logs, and what runs say of their fidelity."""

import json
from pathlib import Path

import numpy as np
import pytest

from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.fidelity import SPLITS, measure_all
from recloop.experiments.setting import build_setting
from tests.experiments import tiny

WORLDS: tuple[list[str], ...] = (
    [],
    ["env/world=metric", "env.world.space.rank=4"],
    ["env/world=ratings", "env.world.space.rank=4"],
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.films(tmp_path_factory.mktemp("films"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))


def words(data: Path) -> list[str]:
    return [*tiny.settings(data), "env.world.projection.dim=16"]


def test_the_command_writes_table_figures_and_curves(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert tiny.recloop("fidelity", *words(data), f"run_dir={folder}") == 0
    printed = capsys.readouterr().out
    assert "matrix factorisation" in printed
    assert (folder / "table.txt").read_text().strip() in printed
    assert (folder / "calibration.svg").read_text().startswith("<?xml")
    facts = json.loads((folder / "fidelity.json").read_text())
    assert set(facts["fingerprints"]) == {"data", "world encoder"}
    rows = {row["name"]: row["questions"] for row in facts["rows"]}
    assert list(rows)[-2:] == ["random vectors", "shuffled vectors"]
    assert rows["constant"]["known users and items"]["auc"] == 0.5
    assert rows["matrix factorisation"]["new items"]["auc"] in (0.5, None)


@pytest.mark.parametrize("word", ["env.dataset=3", "env.population.history_share=2", "nothing=1"])
def test_bad_words_end_in_one_line(data: Path, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("fidelity", *words(data), word) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_holds_something_is_not_written_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert tiny.recloop("fidelity", *words(data), f"run_dir={tmp_path}") == 2


@pytest.mark.parametrize("world", WORLDS, ids=["language", "metric", "ratings"])
def test_every_world_says_how_well_it_predicts_people(data: Path, world: list[str]) -> None:
    setting = build_setting(composed([*words(data), *world]))
    assert setting.fidelity is not None
    assert setting.fidelity.line.startswith("fidelity: AUC 0.")
    assert (setting.fidelity.scale, setting.fidelity.offset) == (25.0, 0.27)
    assert ("world space" in setting.fingerprints) is bool(world)


def test_a_fitted_world_is_fitted_on_the_train_users_alone(data: Path, tmp_path: Path) -> None:
    fit = ["env/world=ratings", "env.world.space.rank=4"]
    first = build_setting(composed([*words(data), *fit]))
    path = tiny.films(tmp_path) / "ml-100k.inter"
    out = {str(user) for user in first.held_out.simulator.population.members}
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    turned = [[*row[:2], str(6 - int(row[2])), row[3]] if row[0] in out else row for row in rows[1:]]
    path.write_text("\n".join("\t".join(row) for row in [rows[0], *turned]) + "\n")
    again = build_setting(composed([*words(tmp_path), *fit]))
    np.testing.assert_array_equal(again.train.simulator.world.vectors, first.train.simulator.world.vectors)


def test_the_response_model_is_fitted_on_logs_and_leaves_a_fingerprint(tmp_path: Path) -> None:
    path = tiny.films(tmp_path) / "ml-100k.inter"
    head, *rows = path.read_text().splitlines()
    cells = [row.split("\t") for row in rows]
    liked = [[user, film, "5" if (int(user) + int(film)) % 2 else "2", time] for user, film, _, time in cells]
    path.write_text("\n".join([head, *("\t".join(row) for row in liked)]) + "\n")
    world = ["env/choice=fitted", "env/world=ratings", "env.world.space.rank=2", "env.world.space.ridge=0.5"]
    setting = build_setting(composed([*words(tmp_path), *world]))
    assert setting.fidelity is not None
    assert setting.fidelity.scale == setting.train.simulator.choice.scale != 25.0
    assert setting.fidelity.auc_within_user is not None
    assert setting.fidelity.auc_within_user > 0.9
    assert "response model" in setting.fingerprints


def test_a_rank_that_the_vectors_do_not_have_is_refused_by_its_key(data: Path) -> None:
    with pytest.raises(UsageError, match=r"^env\.world\.space: rank is 17, but the vectors have 16 numbers"):
        build_setting(composed([*words(data), "env/world=metric", "env.world.space.rank=17"]))


@pytest.mark.slow
def test_on_movielens_the_learned_metric_reaches_matrix_factorisation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECLOOP_CACHE")
    rows = {row.name: row.figures for row in measure_all(composed(["name=fidelity"]))}
    known, new = "known users and items", "new items"
    assert rows["learned metric"][known].auc >= rows["matrix factorisation"][known].auc > rows["popularity"][known].auc
    assert rows["learned metric"][known].calibration_error < 0.03
    assert rows["learned metric"][new].auc > 0.60 > rows["random vectors"][new].auc
    assert rows["matrix factorisation"][new].auc == 0.5
    assert SPLITS == 5
