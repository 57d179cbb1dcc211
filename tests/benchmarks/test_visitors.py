"""Simulators in processes of their own: here a fake one, under this Python."""

import sys
from pathlib import Path

import pytest

from benchmarks import visitors
from benchmarks.visitors import SCRIPTS, AbsentError, installed, visiting

COUNTING = "def stepping(num_items):\n    return lambda steps: [sum(range(num_items)) for _ in range(steps)]\n"


def script(folder: Path, text: str) -> Path:
    path = folder / "simulator.py"
    path.write_text(text)
    return path


def test_a_visitor_tells_its_pace_as_often_as_it_is_asked(tmp_path: Path) -> None:
    with visiting(Path(sys.executable), script(tmp_path, COUNTING), 10) as visitor:
        paces = [visitor.pace(1000) for _ in range(3)]
    assert all(pace.wall > 0 and pace.cpu > 0 for pace in paces)


@pytest.mark.parametrize(
    "text",
    ["import a_simulator_that_is_not_there\n", "def stepping(num_items):\n    return lambda steps: 1 / 0\n"],
    ids=["at the door", "at a step"],
)
def test_a_visitor_that_fails_says_why_in_one_line(tmp_path: Path, text: str) -> None:
    with (
        visiting(Path(sys.executable), script(tmp_path, text), 10) as visitor,
        pytest.raises(AbsentError, match=r"^(ModuleNotFoundError: No module named|ZeroDivisionError: division)"),
    ):
        visitor.pace(1)


def test_what_a_simulator_prints_is_no_answer(tmp_path: Path) -> None:
    with (
        visiting(
            Path(sys.executable), script(tmp_path, "print('hello')\nraise SystemExit('goodbye')\n"), 10
        ) as visitor,
        pytest.raises(AbsentError, match="goodbye"),
    ):
        visitor.pace(1)


def test_what_pip_refuses_is_reported_by_its_last_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fake.txt").write_text("fake==1.0\n")
    monkeypatch.setattr(visitors, "SCRIPTS", tmp_path)
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(AbsentError, match="no reason given"):
        installed("fake", tmp_path)


def test_an_environment_that_is_there_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []
    (tmp_path / "fake.txt").write_text("fake==1.0\n")
    monkeypatch.setattr(visitors, "SCRIPTS", tmp_path)

    def run(*command: str) -> None:
        made.append(command)
        if command[1:3] == ("-m", "venv"):
            Path(command[3]).mkdir(parents=True)

    monkeypatch.setattr(visitors, "_run", run)
    assert installed("fake", tmp_path) == installed("fake", tmp_path)
    assert [command[2] for command in made] == ["venv", "pip"]
    (tmp_path / "fake.txt").write_text("fake==2.0\n")
    installed("fake", tmp_path)
    assert len(made) == 4


def test_every_simulator_names_exact_versions() -> None:
    for path in SCRIPTS.glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("--")]
        assert all(line.count("==") == 1 for line in lines), path.name
