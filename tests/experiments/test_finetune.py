"""`recloop finetune`: who and what is learned from, and what is written."""

import json
import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from recloop.experiments.compose import composed
from recloop.experiments.finetune import behaviour
from recloop.experiments.setting import Texts, build_setting, new_items
from tests.causal import causal
from tests.experiments import tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return causal(tmp_path_factory.mktemp("causal"))


@pytest.fixture
def words(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    read = [f"encoder.model={shutil.copytree(model, tmp_path / 'bert')}", "encoder.max_tokens=32"]
    own = [word for word in tiny.settings(tiny.films(tmp_path)) if word != "encoder=hashing"]
    return [*own, *read, "projection.dim=16", "env.catalog.new_share=0.25"]


QUICK = ("--layers", "1", "--epochs", "2", "--batch-texts", "32")


def test_the_command_writes_a_model_that_other_commands_read(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert tiny.recloop("finetune", *QUICK, *words, f"run_dir={run}") == 0
    printed = capsys.readouterr().out
    assert (run / "table.txt").read_text().strip() in printed
    facts = json.loads((run / "finetune.json").read_text())
    assert facts["epochs"][0]["number"] == 0
    assert set(facts["rows"]["learned metric, before"]) == {"known items", "new items"}
    setting = build_setting(composed([*words, f"encoder.model={run / 'encoder'}"]))
    assert setting.fingerprints["encoder"] != facts["fingerprints"]["encoder before"]


def test_nobody_held_out_and_nothing_new_is_learned_from(words: list[str]) -> None:
    cfg = composed(words)
    texts = Texts.of(cfg)
    history, _ = texts.dataset.interactions.split_by_time(cfg.env.population.history_share)
    new = new_items(cfg, len(texts.items))
    train, validation = behaviour(cfg, history, new)
    held_out = build_setting(cfg).held_out.simulator.population.members
    people = [set(np.flatnonzero(part.rated.sum(axis=1)).tolist()) for part in (train, validation)]
    assert not people[0] & people[1]
    assert not (people[0] | people[1]) & set(held_out.tolist())
    assert all(not part.rated[:, new].sum() for part in (train, validation))
    assert train.rated.sum() > train.liked.sum() > 0


def test_a_signal_keeps_the_best_so_far(words: list[str], tmp_path: Path) -> None:
    from recloop.encoders.finetuning import Tuner

    step, calls = Tuner._step, []

    def interrupted(self: Tuner, *arguments: object) -> list[float]:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return step(self, *arguments)  # type: ignore[arg-type]

    with mock.patch.object(Tuner, "_step", interrupted):
        assert tiny.recloop("finetune", *QUICK, *words, f"run_dir={tmp_path / 'run'}") == 0
    assert json.loads((tmp_path / "run/finetune.json").read_text())["stopped"]
    assert (tmp_path / "run/encoder/model.safetensors").exists()


def test_an_encoder_without_weights_cannot_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tiny.settings(tiny.films(tmp_path))
    assert tiny.recloop("finetune", *words, f"run_dir={tmp_path / 'run'}") == 2
    assert "encoder is Hashing, which cannot learn" in capsys.readouterr().err
