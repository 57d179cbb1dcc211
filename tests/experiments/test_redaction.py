"""Only what is allowed leaves the machine."""

from pathlib import Path

import pytest

from recloop.experiments.redaction import hide_home, redact, redact_command


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", "/home/ada")
    return Path("/home/ada")


def test_a_key_that_nobody_allowed_is_dropped() -> None:
    config = {"agent": {"gamma": 0.97}, "wandb_token": "s3cret", "seed": 3}
    assert redact(config, {"agent", "seed"}) == {"agent": {"gamma": 0.97}, "seed": 3}


def test_the_home_folder_becomes_a_tilde_however_deep(home: Path) -> None:
    config = {"encoder": {"folders": [f"{home}/models/minilm", "/opt/models"], "dim": 64}}
    assert redact(config, ["encoder"]) == {"encoder": {"folders": ["~/models/minilm", "/opt/models"], "dim": 64}}


def test_the_config_given_stays_as_it_was(home: Path) -> None:
    config = {"encoder": {"folder": f"{home}/models"}}
    redact(config, ["encoder"])
    assert config == {"encoder": {"folder": "/home/ada/models"}}


@pytest.mark.parametrize(
    "word", ["train", "-m", "seed=3", "agent.gamma=0.9", "agent=ppo", "+agent.new=1", "~agent.gamma=1", "agent@x=ppo"]
)
def test_recloops_own_words_and_allowed_keys_are_kept(word: str) -> None:
    assert redact_command([word], ["agent", "seed"]) == [word]


def test_a_group_inside_an_allowed_one_is_kept() -> None:
    assert redact_command(["env/dynamics=boredom"], ["env"]) == ["env/dynamics=boredom"]


@pytest.mark.parametrize("word", ["token=s3cret", "+token=s3cret", "--key=s3cret", "s3cret", "agentx=s3cret", "agent"])
def test_anything_else_on_the_command_line_is_withheld(word: str) -> None:
    assert redact_command(["train", word], ["agent"]) == ["train", "<withheld>"]


def test_paths_on_the_command_line_name_no_person(home: Path) -> None:
    assert redact_command([f"run_dir={home}/runs/a"], ["run_dir"]) == ["run_dir=~/runs/a"]


def test_without_a_home_folder_of_its_own_a_path_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert hide_home("/data/ml-100k") == "/data/ml-100k"
