"""`recloop recommend`."""

import json
import shutil
from pathlib import Path

import pytest

from tests.experiments import tiny


@pytest.fixture(scope="module")
def run(here: Path) -> Path:
    """A trained agent."""
    words = (*tiny.settings(here / "films"), *tiny.PPO, "steps=128")
    assert tiny.recloop("train", *words, f"run_dir={here / 'run'}") == 0
    return here / "run"


def test_a_table_is_for_people(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("recommend", str(run), "--user", "A 24-year-old male writer.", "-k", "3") == 0
    printed = capsys.readouterr().out
    assert "title" in printed
    assert "score" in printed
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("│")] == ["1", "2", "3"]


def test_json_is_for_programs(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = tmp_path / "people.jsonl"
    people.write_text('{"user": "ann", "profile": "A writer."}\n{"user": "bob", "profile": "A doctor."}\n')
    assert tiny.recloop("recommend", str(run), "--people", str(people), "--json", "-k", "4") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["user"] for line in lines] == ["ann", "bob"]
    assert all(len(line["recommendations"]) == 4 for line in lines)
    assert set(lines[0]["recommendations"][0]) == {"item", "title", "score"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "nobody is told of"),
        (("--user", "A writer.", "-k", "0"), "-k is 0; ask for 1 item or more"),
        (("--user", "A writer.", "-k", "50"), "k is 50, but there are 40 items"),
        (("--user", "A writer.", "--people", "a.csv"), "--people: the file tells of everybody"),
        (("--people", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--user", "A writer.", "--context", "noon"), "--context is 'noon'; write name=value"),
        (("--history", "qwertyuiop"), "no item is called 'qwertyuiop'; give titles as the catalog has them"),
        (("--histroy", "Heat"), "unrecognized arguments"),
    ],
)
def test_a_mistake_is_one_line(
    run: Path, words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("recommend", str(run), *words) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_a_strangers_run_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(config.replace("recloop.envs.sessions.Patience", "os.system"))
    assert tiny.recloop("recommend", str(copy), "--user", "A writer.") == 2
    assert "'os.system'; only public classes" in capsys.readouterr().err
    (copy / "checkpoints" / "final.safetensors").write_bytes(b"\x80\x04.")
    (copy / "config.json").write_text(config)
    assert tiny.recloop("recommend", str(copy), "--user", "A writer.") == 2
    assert "final.safetensors: damaged, or no weights of recloop" in capsys.readouterr().err
