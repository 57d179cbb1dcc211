"""`recloop data check` on folders that fit and folders that do not."""

import random
import shlex
from pathlib import Path

import pytest

from recloop.experiments.compose import composed
from recloop.experiments.setting import build_setting
from tests.experiments import tiny


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 items and 30 people of one's own."""
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    draw, folder = random.Random(0), tmp_path / "my shop"
    folder.mkdir()
    items = [f"{item},{' '.join(draw.sample(tiny.NOUNS, 3))} {item}" for item in range(40)]
    logged = [
        f"u{user},{item},{draw.randint(0, 1)},2024-05-{day:02}"
        for user in range(30)
        for day, item in enumerate(draw.sample(range(40), 20), start=1)
    ]
    (folder / "items.csv").write_text("\n".join(["id,title", *items]))
    (folder / "interactions.csv").write_text("\n".join(["user,item,click,time", *logged]))
    return folder


def test_a_folder_that_fits_is_told_with_its_figures_and_the_next_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("data", "check", str(folder)) == 0
    output, error = capsys.readouterr()
    assert error == ""
    for figure in ("600", "50.00%", "2024-05-01 to 2024-05-20", "20 to 20, median 20"):
        assert figure in output
    assert output.splitlines()[-1] == (
        f"fits: recloop train env/dataset=own 'env.dataset.folder={folder}' prompts=own "
        "projection.dim=39 env.world.projection.dim=39"
    )


def test_the_next_command_finds_a_world_in_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("data", "check", str(folder)) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])[3:]
    setting = build_setting(composed([*words, *tiny.SETTINGS[:2]]))
    assert setting.train.simulator.world.num_items == 40
    assert setting.train.simulator.world.texts[0].endswith(" 0")


@pytest.mark.slow
def test_the_next_command_runs(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("data", "check", str(folder)) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])[2:]
    fast = [word for word in tiny.SETTINGS if "projection" not in word]
    run = tmp_path / "run"
    assert tiny.recloop(*words, *fast, *tiny.PPO, f"run_dir={run}") == 0
    assert (run / "report.html").is_file()


def test_a_folder_that_does_not_fit_is_told_by_its_problems_with_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "interactions.csv").open("a") as file:
        file.write("\nu1,99,1,2024-05-30\nu1,3,1,\x1b[31mlater")
    assert tiny.recloop("data", "check", str(folder)) == 2
    output, error = capsys.readouterr()
    assert error.startswith(f"recloop: does not fit: {folder}/interactions.csv, line 602: item is '99'; ")
    assert error.endswith("1 more above\n")
    assert "line 603: time is '\\x1b[31mlater'; give seconds since 1970" in output


def test_the_scale_of_ratings_may_be_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "interactions.csv"
    path.write_text(path.read_text().replace("click", "rating"))
    assert tiny.recloop("data", "check", str(folder)) == 2
    assert "no rating is a like, 4 or more; they go from 0 to 1" in capsys.readouterr().err
    assert tiny.recloop("data", "check", str(folder), "--liked-from", "1") == 0
    assert "env.dataset.liked_from=1 " in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["check"], ["look", "x"], ["check", "x", "--liked-from", "many"]])
def test_words_that_it_does_not_know_are_refused_in_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("data", *words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_describes_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("data", "--help") == 0
    assert "interactions   user, item, time" in capsys.readouterr().out


def test_a_run_under_pseudonyms_keeps_neither_key_nor_ids(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, logged = "5ecre7" * 8, folder / "interactions.csv"
    monkeypatch.setenv("RECLOOP_USER_KEY", key)
    logged.write_text(logged.read_text().replace("\nu", "\nanna.nowak+"))
    assert tiny.recloop("data", "check", str(folder), "--key-variable", "RECLOOP_USER_KEY") == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])[2:]
    fast = [word for word in tiny.SETTINGS if "projection" not in word]
    assert tiny.recloop(*words, *fast, *tiny.PPO, "steps=128", f"run_dir={tmp_path / 'run'}") == 0
    kept = [path for top in ("run", "cache") for path in (tmp_path / top).rglob("*") if path.is_file()]
    assert len(kept) > 5
    for path in kept:
        content = path.read_bytes()
        assert key.encode() not in content
        assert b"anna.nowak" not in content


def test_a_key_that_is_not_there_is_said_in_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("data", "check", str(folder), "--key-file", "nowhere") == 2
    error = capsys.readouterr().err
    assert "key file nowhere is no file" in error
    assert error.count("\n") == 1
