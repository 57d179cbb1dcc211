"""The commands of a page do what it says: those in blocks marked `sh run` are run, in order, on a tiny data set."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments import tiny

PAGE = Path(__file__).parents[1] / "docs" / "launch-sweep-reproduce.md"
SHRINKS = {"train", "sweep"}
"""Commands that take the words of a tiny setting."""


def commands(page: str) -> list[list[str]]:
    """The words of every command in the marked blocks of a page."""
    blocks = re.findall(r"^```sh run\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_commands_are_found_in_the_blocks_that_are_marked() -> None:
    page = "a\n```sh\nrm -r x\n```\n```sh run\nrecloop train 'a b'\n```\n```sh run\nrecloop sweep\n```\n"
    assert commands(page) == [["recloop", "train", "a b"], ["recloop", "sweep"]]


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    small = [*tiny.settings(tiny.films(tmp_path / "films")), "steps=256"]
    environment = {**os.environ, "HOME": str(tmp_path), "RECLOOP_CACHE": str(tmp_path / "cache")}
    for program, command, *words in commands(PAGE.read_text()):
        assert program == "recloop"
        shrunk = [command, *words, *(small if command in SHRINKS else [])]
        script = [sys.executable, "-m", "recloop.experiments.cli", *shrunk]
        run = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{shlex.join(words)}: {run.stderr[-2000:]}"
    assert (tmp_path / "runs/grid/agent=dqn,seed=2/report.html").exists()
    assert (tmp_path / "runs/lr-best/seed=1/report.html").exists()
