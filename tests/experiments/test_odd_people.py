"""`recloop recommend` and `recloop train` with people and models that nobody expects."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.encoders.conftest import tiny_model
from tests.encoders.test_odd_texts import ODD
from tests.experiments import tiny


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with films, a language model and no network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECLOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        folder = tmp_path_factory.mktemp("here")
        for name in ("films", "model"):
            (folder / name).mkdir()
        tiny.films(folder / "films")
        tiny_model(folder / "model", "bert")
        yield folder


def words(home: Path, *more: str) -> list[str]:
    return ["train", *tiny.settings(home / "films"), *tiny.PPO, "steps=128", "encoder=minilm", *more]


def test_odd_people_are_recommended_to_as_any_others(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, people = home / "run", home / "people.jsonl"
    assert tiny.recloop(*words(home, f"encoder.model={home / 'model'}", f"run_dir={run}")) == 0
    profiles = {**ODD, "an empty history": "A writer."}
    people.write_text("".join(json.dumps({"user": who, "profile": text}) + "\n" for who, text in profiles.items()))
    capsys.readouterr()
    assert tiny.recloop("recommend", str(run), "--people", str(people), "--json", "-k", "3") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["user"] for answer in answers] == list(profiles)
    assert all(len(answer["recommendations"]) == 3 for answer in answers)

    people.write_text('{"user": "nobody", "profile": " ", "history": []}\n{"profile": "\\ud83c"}\n')
    assert tiny.recloop("recommend", str(run), "--people", str(people)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "encoder: text 0 holds half of a character" in error
    people.write_text('{"user": "nobody", "profile": " ", "history": []}\n')
    assert tiny.recloop("recommend", str(run), "--people", str(people)) == 2
    assert "nothing is told of nobody that the agent could go by" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("bert-of-2040", "encoder: model 'bert-of-2040' is no folder here and no pinned hub name"),
        (f"org/unknown@{'0123456789' * 4}", "encoder: model 'org/unknown@0123456789"),
        ("pickled", "holds its weights as a pickle (pytorch_model.bin), which could run code and is never read"),
        ("asset:bert", "encoder.model: unknown asset 'bert'"),
    ],
)
def test_a_model_that_cannot_be_read_is_one_line(
    home: Path, model: str, reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    if model == "pickled":
        folder = tiny_model(home / "pickled", "bert")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        model = str(folder)
    assert tiny.recloop(*words(home, f"encoder.model={model!r}", f"run_dir={home / 'other'}")) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert "Traceback" not in error
    assert not (home / "other" / "checkpoints").exists()
