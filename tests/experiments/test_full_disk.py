"""A disk that fills up at any moment: one line, status 2, whole files only; with room again the run goes on."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recloop.encoders.arrays import load_arrays
from recloop.experiments.checkpoints import load_weights
from recloop.experiments.journal import read_journal
from recloop.experiments.sessions import load_sessions
from tests.experiments import tiny
from tests.experiments.crashes import RESULTS
from tests.experiments.full_disk import disk

STATES = ("checkpoint_seconds=0",)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A tiny run; its cache lies on the same disk."""
    (tmp_path / "films").mkdir()
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "disk" / "cache"))
    return ["train", *tiny.settings(tiny.films(tmp_path / "films")), *tiny.PPO, *STATES]


def digests(run: Path) -> list[str]:
    return [hashlib.sha256((run / name).read_bytes()).hexdigest() for name in RESULTS]


def svg(path: Path) -> None:
    assert path.read_text().rstrip().endswith("</svg>")


def arrays(path: Path) -> object:
    return load_weights(path) if path.name.startswith(("final", "state")) else load_arrays(path)


def html(path: Path) -> None:
    assert path.read_text().rstrip().endswith("</html>")


READERS: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_text()),
    ".jsonl": read_journal,
    ".parquet": load_sessions,
    ".safetensors": arrays,
    ".svg": svg,
    ".html": html,
    ".txt": Path.read_text,
    ".lock": Path.read_bytes,
}


def refuse_half_written(folder: Path) -> None:
    """Read every file below `folder`; raises if one is not whole, or none that recloop writes."""
    for path in folder.rglob("*"):
        if path.is_file():
            READERS[path.suffix or path.name](path)


def fill_at(number: int, words: list[str], run: Path, expected: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Run with a disk that is full from call `number` on, look at what is left, make room, go on."""
    before = {path: path.read_bytes() for path in run.parent.rglob("*.safetensors")}
    capfd.readouterr()
    with disk(run.parent, full_from=number):
        status = tiny.recloop(*words, f"run_dir={run}")
    *progress, line = capfd.readouterr().err.splitlines()
    assert (status, "Traceback" in "".join(progress)) == (2, False), (progress, line)
    assert line.startswith("recloop: ")
    assert "No space left on device" in line
    refuse_half_written(run.parent)
    assert before == {path: path.read_bytes() for path in before}
    assert tiny.recloop(*words, f"run_dir={run}", "resume=true") == 0
    assert digests(run) == expected


def calm(words: list[str], run: Path) -> int:
    """Run with room enough; how many calls that took."""
    with disk(run.parent) as counting:
        assert tiny.recloop(*words, f"run_dir={run}") == 0
    return counting.calls


def test_a_full_disk_is_one_line_and_the_run_goes_on(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "disk"
    assert calm(words, folder / "calm") > 60
    fill_at(40, words, folder / "run", digests(folder / "calm"), capfd)


@pytest.mark.slow
@pytest.mark.parametrize(("agent", "every"), [(tiny.PPO, 1), (tiny.DQN, 7)], ids=["PPO", "DQN"])
def test_a_disk_that_is_full_from_any_call_on_is_one_line_and_the_run_goes_on(
    agent: tuple[str, ...], every: int, words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*(word for word in words if word not in tiny.PPO), *agent]
    folder = tmp_path / "disk"
    calm(words, folder / "cache is filled")
    calls = calm(words, folder / "calm")
    for number in range(1, calls + 1, every):
        fill_at(number, words, folder / f"run{number}", digests(folder / "calm"), capfd)
    with capfd.disabled():
        print(f"full from call 1, {1 + every}, ... of {calls} on")


def test_a_disk_that_is_full_when_texts_are_read_is_one_line(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with disk(tmp_path / "disk" / "cache", full_from=3):
        status = tiny.recloop(*words, f"run_dir={tmp_path / 'run'}")
    lines = capfd.readouterr().err.splitlines()
    assert (status, len(lines)) == (2, 1)
    assert "cannot keep vectors in" in lines[0]
    assert not (tmp_path / "run").exists()
