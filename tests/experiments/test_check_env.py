"""A line for every property, and the exit status."""

from pathlib import Path

import pytest

from recloop.envs.checks import PROPERTIES
from recloop.envs.sessions import Patience
from tests.experiments import tiny


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return ["check-env", *tiny.settings(tiny.films(tmp_path_factory.mktemp("films")))]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("dynamics", ["boredom,drift", "drift,timeout,satiation,satisfaction,daily_rhythm,device"])
def test_an_environment_that_keeps_its_contract_passes(
    words: list[str], dynamics: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop(*words, f"env/dynamics=[{dynamics}]") == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PROPERTIES)
    assert all(line.startswith("ok ") for line in lines)
    assert last == f"{len(lines)} of {len(lines)} properties hold"


def test_one_that_does_not_is_told_with_what_was_seen(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Patience.ended
    monkeypatch.setattr(Patience, "ended", lambda self, users: ended(self, users)[::-1])
    assert tiny.recloop(*words) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("NOT SO")]
    assert any("a session ends in time and by the right name: " in line for line in lines)


def test_a_mistake_in_the_words_is_said_before_anything_is_built(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop(*words, "env.chioce.scale=3") == 2
    assert "did you mean" in capsys.readouterr().err


@pytest.mark.parametrize(("part", "missing"), [("trust", "whom the users trust"), ("ad_fatigue", "give items prices")])
def test_dynamics_that_the_data_do_not_bear_are_refused(
    words: list[str], part: str, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop(*words, f"env/dynamics=[{part}]") == 2
    said = capsys.readouterr().err
    assert said.startswith("recloop: env.dynamics: ")
    assert missing in said
