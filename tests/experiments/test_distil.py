"""`recloop distil`: users that a language model plays, their fidelity, and a world taught by them."""

import json
from pathlib import Path

import numpy as np
import pytest

from recloop.envs.interactions import Interactions
from recloop.experiments.compose import composed
from recloop.experiments.distil import agreement_of
from recloop.experiments.setting import build_setting
from recloop.experiments.teacher import said, sample
from tests.causal import causal
from tests.experiments import tiny


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    data = tiny.films(tmp_path_factory.mktemp("films"))
    return [*tiny.settings(data), "env.world.projection.dim=16"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return causal(tmp_path_factory.mktemp("causal"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))


def distil(words: list[str], model: Path, folder: Path) -> dict[str, object]:
    few = ["--people", "8", "--rated", "4", "--unrated", "4", "--told", "3"]
    assert tiny.recloop("distil", "--model", str(model), *few, *words, f"run_dir={folder}") == 0
    found: dict[str, object] = json.loads((folder / "distil.json").read_text())
    return found


def test_the_command_writes_figures_and_a_student_to_train_among(
    words: list[str], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = distil(words, model, tmp_path / "run")
    printed = capsys.readouterr().out
    assert "language model: 64 ratings" in printed
    assert (tmp_path / "run/table.txt").read_text().strip() in printed
    assert set(found["agreement"]) == {"student", "of which the item alone"}  # type: ignore[call-overload]
    assert {"learned metric", "language model", "its student"} < set(found["fidelity"])  # type: ignore[call-overload]
    world = ["env/world=taught", f"env.world.space.folder={tmp_path / 'run'}", "env.world.space.rank=4"]
    setting = build_setting(composed([*words, *world]))
    assert setting.train.simulator.world.vectors.shape == (tiny.NUM_FILMS, 4)
    assert setting.train.simulator.choice.offset == 0
    assert "world space" in setting.fingerprints
    assert set(found["fingerprints"]) == {"data", "world encoder", "language model"}  # type: ignore[call-overload]
    assert {"code", "versions", "platform", "seed", "made", "command"} < set(found)


def test_asked_again_the_model_is_not_asked_at_all(words: list[str], model: Path, tmp_path: Path) -> None:
    first, again = (distil(words, model, tmp_path / name) for name in ("one", "two"))
    assert first["cost"] == again["cost"]
    files = [(tmp_path / name / "student.safetensors").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--people", "2"], "--people is 2; give 5 or more"),
        (["--model", "nowhere"], "model 'nowhere' is no folder here"),
        (["env/world=taught", "env.world.space.folder=nowhere"], "nowhere/student.safetensors holds no student"),
    ],
)
def test_what_cannot_be_ends_in_one_line(
    words: list[str], wrong: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "train" if says.startswith("nowhere") else "distil"
    assert tiny.recloop(command, *words, *wrong, f"run_dir={tmp_path / 'run'}") == 2
    assert says in capsys.readouterr().err


def test_stars_are_what_the_answers_say() -> None:
    found = said(np.log([[0.1, 0.1, 0.0001, 0.1, 0.1], [0.0001, 0.0001, 0.0001, 0.0001, 0.2]]))
    np.testing.assert_allclose(found.log_odds, [np.log(0.2 / 0.2001), np.log(0.2001 / 0.0003)], rtol=1e-6)
    np.testing.assert_allclose(found.stars, [3.0, 5.0], atol=0.01)
    assert found.mass == pytest.approx((0.4001 + 0.2004) / 2)


def test_people_are_asked_about_what_they_rated_later_and_about_others() -> None:
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(10), 8)
    items = np.concatenate([rng.permutation(20)[:8] for _ in range(10)])
    stars = np.where(np.arange(80) % 2, 5, 1).astype(np.float32)
    logs = Interactions.sort(users, items, stars, np.arange(80), 10, 20)
    history, later = logs.split_by_time(0.5)
    pairs = sample(history, later, 6, 3, 5, rng)
    assert len(np.unique(pairs.users)) == 6
    for user, item, rating in zip(pairs.users, pairs.items, pairs.stars, strict=True):
        own = (later.users == user) & (later.items == item)
        assert own.any() != np.isnan(rating)
        assert not ((history.users == user) & (history.items == item)).any()
        assert np.isnan(rating) or later.ratings[own] == rating


def test_agreement_by_hand() -> None:
    users = np.array([0, 0, 0, 1, 1, 1])
    truth = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])
    assert agreement_of(truth, truth, users) == pytest.approx((1, 1, 1))
    assert agreement_of(truth + 10 * users, truth, users) == pytest.approx((1, 1, 1))  # generosity is no matter
    assert agreement_of(-truth, truth, users) == pytest.approx((-1, 0, -3))
