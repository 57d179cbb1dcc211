"""One suite in several worlds."""

import json
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.experiments import study
from recloop.experiments.errors import UsageError
from recloop.experiments.study import worlds
from tests.experiments import tiny

WORLDS = [
    {"name": "Calibrated language", "overrides": ["env/world=language"]},
    {"name": "ratings", "overrides": ["env/world=ratings"]},
]


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    monkeypatch.setattr(study, "cells", lambda suite, words: [])
    return OmegaConf.create({"seeds": [0], "workers": 1, "cells": [], "worlds": WORLDS})


def test_a_world_is_the_suite_with_words_of_its_own_and_a_folder(suite: DictConfig) -> None:
    first, second = worlds(suite, ["steps=10"])
    assert first.folder == "worlds/calibrated-language"
    assert second.words(["steps=10"]) == [
        "steps=10", "env/world=ratings", "suite.worlds=null", "suite.contrasts=null",
    ]  # fmt: skip


def test_a_word_that_the_worlds_vary_is_refused(suite: DictConfig) -> None:
    with pytest.raises(UsageError, match="env/world=metric: the cells of this experiment vary that key"):
        worlds(suite, ["env/world=metric"])


def test_worlds_of_one_name_are_refused(suite: DictConfig) -> None:
    suite.worlds[1].name = "calibrated language"
    with pytest.raises(UsageError, match="give each a name of its own"):
        worlds(suite, [])


@pytest.mark.slow
def test_a_study_runs_in_every_world_and_ends_in_sentences_again_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "films").mkdir()
    own = tiny.settings(tiny.films(tmp_path / "films"))
    words = [
        "train", "experiment=encoder_study", *own, *tiny.PPO, "steps=64", f"run_dir={tmp_path / 'study'}",
        "suite.seeds=[0,1]", "suite.workers=1", "suite.contrasts=[[far,near]]",
        "suite.cells=[{policy: far, overrides: ['agent.gamma=0.9']}, {policy: near, overrides: ['agent.gamma=0']}]",
        "suite.worlds=[{name: reading, overrides: ['env/world=language']}, "
        "{name: ratings alone, overrides: ['env/world=ratings', 'env.world.space.rank=4']}]",
    ]  # fmt: skip
    assert tiny.recloop(*words) == 0
    said = (tmp_path / "study" / "table.txt").read_text()
    assert "in the world of reading" in said
    assert "in the world of ratings alone" in said
    assert json.loads((tmp_path / "study" / "manifest.json").read_text())["status"] == "finished"
    assert tiny.recloop(*words) == 2  # the folder holds a run
    assert "holds a run already" in capsys.readouterr().err
    assert tiny.recloop(*words, "resume=true") == 0
    assert (tmp_path / "study" / "table.txt").read_text() == said
