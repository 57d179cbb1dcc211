"""Weights of stable-baselines3's own zips, and nothing else of them."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO

from recloop.experiments import foreign
from recloop.experiments.checkpoints import load_weights
from recloop.experiments.errors import UsageError
from recloop.experiments.foreign import load_sb3_weights
from tests.experiments import tiny


class Touch:
    """Pickled, it makes a file when it is read."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.canary,)


def packed(path: Path, policy: bytes | None, compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip as stable-baselines3 makes it, around `policy.pth`."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("data", "{}")
        if policy is not None:
            archive.writestr("policy.pth", policy)
    return path


def torched(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("algorithm", [PPO, DQN])
def test_a_network_of_our_own_with_weights_from_elsewhere_acts_the_same(
    algorithm: type[PPO | DQN], tmp_path: Path
) -> None:
    env = gymnasium.make("CartPole-v1")
    theirs, ours = algorithm("MlpPolicy", env, seed=1), algorithm("MlpPolicy", env, seed=2)
    theirs.save(tmp_path / "model.zip")
    observations = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    expected = theirs.predict(observations, deterministic=True)[0]
    ours.policy.load_state_dict(load_sb3_weights(tmp_path / "model.zip"))
    np.testing.assert_array_equal(ours.predict(observations, deterministic=True)[0], expected)


def test_what_lies_beside_the_weights_is_not_read(tmp_path: Path) -> None:
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=1)
    model.payload = Touch(tmp_path / "canary")  # type: ignore[attr-defined]
    model.save(tmp_path / "model.zip")
    assert load_sb3_weights(tmp_path / "model.zip").keys() == model.policy.state_dict().keys()
    assert not (tmp_path / "canary").exists()
    PPO.load(tmp_path / "model.zip")
    assert (tmp_path / "canary").exists()  # the payload is a real one


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda canary: pickle.dumps(Touch(canary)), "holds more than weights, or is damaged"),
        (lambda canary: torched({"w": Touch(canary)}), "holds more than weights, or is damaged"),
        (lambda canary: torched({"w": np.array([Touch(canary)])}), "holds more than weights, or is damaged"),
        (lambda canary: b"", "holds more than weights, or is damaged"),
        (lambda canary: torched({"w": torch.ones(9)})[:-100], "no zip|holds more than weights, or is damaged"),
        (lambda canary: None, r"no zip of stable-baselines3 \(.*policy\.pth"),
        (lambda canary: torched(torch.ones(3)), "holds a Tensor, no weights by name"),
        (lambda canary: torched({}), "holds a dict, no weights by name"),
        (lambda canary: torched({"w": "text"}), "'w' in policy.pth is no tensor by name"),
        (lambda canary: torched({3: torch.ones(3)}), "'3' in policy.pth is no tensor by name"),
        (lambda canary: torched({"w": torch.ones(3).to_sparse()}), "'w' in policy.pth is no tensor by name"),
        (lambda canary: torched({"w": torch.tensor([1, torch.nan])}), "'w' in policy.pth holds a NaN"),
        (lambda canary: torched({"w": torch.ones(1).expand(10**6, 10**6)}), "unpacks to more than"),
        (lambda canary: torched(OrderedDict(w=torch.ones(1, device="meta"))), "'w' in policy.pth is no tensor"),
    ],
)
def test_what_is_more_than_weights_is_refused_in_one_line_and_does_nothing(
    content: Callable[[Path], bytes | None], said: str, tmp_path: Path
) -> None:
    path = packed(tmp_path / "model.zip", content(tmp_path / "canary"))
    with pytest.raises(UsageError, match=rf"model\.zip: .*({said})") as refused:
        load_sb3_weights(path)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "canary").exists()


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "WEIGHTS_BYTES", 100_000)
    path = packed(tmp_path / "model.zip", bytes(200_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(UsageError, match="unpacks to more than 100,000 bytes"):
        load_sb3_weights(path)


def test_a_zip_within_the_zip_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "WEIGHTS_BYTES", 100_000)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(200_000))
    with pytest.raises(UsageError, match="unpacks to more than 100,000 bytes"):
        load_sb3_weights(packed(tmp_path / "model.zip", inner.getvalue()))


def test_what_is_no_file_or_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("weights")
    for name, said in (("text.zip", "no zip of stable-baselines3"), ("none.zip", "no such file"), ("", "is no file")):
        with pytest.raises(UsageError, match=said):
            load_sb3_weights(tmp_path / name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny run of an agent with stable-baselines3's own network."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECLOOP_CACHE", str(folder / "cache"))
        words = [*tiny.settings(tiny.films(folder)), *tiny.PPO, "agent=ppo_mlp"]
        assert tiny.recloop("train", *words, f"run_dir={folder / 'run'}") == 0
        yield folder / "run"


def evaluated(run: Path) -> bytes:
    """The table of the latest evaluation."""
    tables = (run / "evaluations").glob("*/table.txt")
    return max(tables, key=lambda path: path.stat().st_mtime_ns).read_bytes()


def test_a_run_s_agent_plays_with_weights_from_a_zip(run: Path, tmp_path: Path) -> None:
    weights = load_weights(run / "checkpoints" / "final.safetensors")
    packed(tmp_path / "same.zip", torched(weights))
    packed(tmp_path / "other.zip", torched({name: torch.randn_like(tensor) for name, tensor in weights.items()}))
    tables = []
    for given in ([], ["--weights", str(tmp_path / "same.zip")], ["--weights", str(tmp_path / "other.zip")]):
        assert tiny.recloop("evaluate", str(run), "--no-baselines", *given) == 0
        tables.append(evaluated(run))
    assert tables[0] == tables[1] != tables[2]


def test_weights_of_another_shape_are_refused_in_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed(tmp_path / "model.zip", torched({"w": torch.ones(3)}))
    assert tiny.recloop("evaluate", str(run), "--weights", str(tmp_path / "model.zip")) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"recloop: {tmp_path}/model.zip: does not fit this agent in this environment")
