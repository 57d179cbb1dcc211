"""Every registered version of the environment does what it did when its trajectory was stored."""

import json

import numpy as np
import pytest

from recloop.envs.dynamics import Boredom
from tests.golden import make

REMEDY = (
    "what happens in {version} has changed: give the environment a new version number in envs/__init__.py, keep the "
    "old one or remove it together with its file, and run `python tests/golden/make.py`, which stores the new one"
)


@pytest.mark.parametrize("version", make.versions())
def test_a_registered_version_does_what_it_did(version: str) -> None:
    assert make.place(version).exists(), f"{version} has no stored trajectory; run `python tests/golden/make.py`"
    stored = json.loads(make.place(version).read_text())
    played = make.play(version, stored["seed"], stored["actions"])
    for name, values in played.items():  # sums may be reordered between kinds of machines
        same = np.allclose(np.array(stored[name], float), np.array(values, float), rtol=0, atol=1e-5)
        assert same, f"{name}: {REMEDY.format(version=version)}"


def test_every_stored_trajectory_is_of_a_registered_version_and_has_answers_of_both_kinds() -> None:
    stored = {path.stem: json.loads(path.read_text()) for path in make.FOLDER.glob("*.json")}
    assert set(stored) == set(make.versions())
    for trajectory in stored.values():
        assert len(trajectory["actions"]) == len(trajectory["rewards"]) == make.STEPS
        assert any(trajectory["terminated"]) or any(trajectory["truncated"])
        assert np.ptp(trajectory["rewards"]) > 0.3


def test_a_small_change_of_the_dynamics_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Boredom, "decay", 0.8704)  # instead of 0.8706
    with pytest.raises(AssertionError, match="give the environment a new version number"):
        test_a_registered_version_does_what_it_did("Recommend-v0")


def test_a_stored_trajectory_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in make.FOLDER.glob("*.json")}
    make.main()
    assert {path: path.read_bytes() for path in make.FOLDER.glob("*.json")} == before
    assert capsys.readouterr().out.count("stays as it is") == len(before)
