"""Flags that are misspelt, and folders of configurations that Hydra would read for ever."""

import pickle
import time
from pathlib import Path

import pytest

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import check_config_folder, check_flags
from tests.experiments import tiny
from tests.hostile import Touch, nothing_fires

KEYS = ("steps", "seed", "agent")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stepz"], r"^--stepz: there is no such flag \(did you mean steps\?\)"),
        (["--steps=5"], r"^--steps=5: steps is a key, no flag; write steps=\.\.\."),
        (["--seed", "3"], r"^--seed: seed is a key, no flag"),
        (["--multirn"], r"^--multirn: there is no such flag \(did you mean multirun\?\)"),
        (["--qqq"], r"^--qqq: there is no such flag; --hydra-help shows the flags, --help the keys"),
        (["-x"], r"^-x: there is no such flag"),
        (["--cfg"], r"^recloop train: argument --cfg/-c: expected one argument"),
        (["--cfg", "jobs"], r"^recloop train: argument --cfg/-c: invalid choice: 'jobs'"),
    ],
)
def test_a_misspelt_flag_is_named_with_what_is_meant(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        check_flags(["seed=1", *words], KEYS)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "words", [["-m", "seed=1,2"], ["--cfg", "job"], ["--help"], ["--multirun"], ["~agent", "+x=-1"]]
)
def test_other_words_pass(words: list[str]) -> None:
    check_flags(words, KEYS)


@pytest.mark.parametrize("command", ["train", "evaluate", "reproduce", "report"])
def test_a_misspelt_flag_of_any_command_is_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop(command, "run", "--stepz") == 2
    error = capsys.readouterr().err
    assert error.startswith("recloop: ")
    assert "--stepz" in error
    assert error.count("\n") == 1


def test_a_pickle_that_hydra_would_run_again_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.pickle").write_bytes(pickle.dumps(Touch(tmp_path / "canary")))
    with nothing_fires(tmp_path / "canary"):
        assert tiny.recloop("train", "--experimental-rerun", str(tmp_path / "config.pickle")) == 2
    assert "--experimental-rerun: reads a pickle" in capsys.readouterr().err


def bomb(levels: int, width: int) -> str:
    """YAML whose aliases stand for width ** levels values."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (bomb(9, 9), "holds more than 40,000 values, aliases counted"),
        (bomb(2, 4000), "holds more than 40,000 values, aliases counted"),
        ("a: &a [*a]", "nested deeper than 50 levels"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 50 levels"),
        ("a: " + "[" * 190_000, "nested deeper than 50 levels"),
        ("steps: !!python/object/apply:os.system ['touch canary']", "holds 'tag:yaml.org,2002:python/object"),
        ("a: !!python/name:os.system", "holds 'tag:yaml.org,2002:python/name"),
        ("a: b: c", r"cannot be read \(mapping values are not allowed"),
        ("a: *nowhere", r"cannot be read \(found undefined alias"),
        ("a: \0", "cannot be read"),
        ("a: " + "x" * 200_001, "no file of at most 200,000 bytes"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused_at_once(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "experiment" / "evil.yaml"
    path.parent.mkdir()
    path.write_text(text)
    began = time.monotonic()
    with pytest.raises(UsageError, match=rf"experiment/evil\.yaml: .*({said})") as refused:
        check_config_folder(tmp_path)
    assert time.monotonic() - began < 5
    assert "\n" not in str(refused.value)


def test_an_alias_bomb_hangs_no_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "evil.yaml").write_text(bomb(9, 9))
    assert tiny.recloop("train", "--config-dir", str(tmp_path), "agent=evil") == 2
    assert "agent/evil.yaml: holds more than 40,000 values" in capsys.readouterr().err


def test_configurations_of_one_s_own_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "mine.yaml").write_text("defaults: [ppo]\nnum_envs: &n 16\nrollout_steps: *n\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "chart.yaml").write_text("{{ not ours }}")
    assert tiny.recloop("train", "--config-dir", str(tmp_path), "agent=mine", "--cfg", "job") == 0
    assert "rollout_steps: 16" in capsys.readouterr().out
