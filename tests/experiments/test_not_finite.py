"""A run that meets a NaN or an infinity ends in one line that names where it came from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recloop.agents.dqn import BatchedDQN
from recloop.envs.vector import RecommendVectorEnv
from tests.experiments import tiny


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return ["train", *tiny.settings(tiny.films(tmp_path)), f"run_dir={tmp_path / 'run'}"]


@pytest.mark.parametrize("agent", [tiny.PPO, tiny.DQN], ids=["PPO", "DQN"])
@pytest.mark.parametrize(("place", "source"), [(0, "observation"), (1, "reward")])
def test_where_it_came_from_is_said_in_one_line(
    agent: tuple[str, ...],
    place: int,
    source: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    step = RecommendVectorEnv.step

    def spoiled(env: RecommendVectorEnv, actions: Any) -> Any:
        result: Any = step(env, actions)
        result[place][1] = np.nan
        return result

    monkeypatch.setattr(RecommendVectorEnv, "step", spoiled)
    assert tiny.recloop(*words, *agent) == 2
    *_, line = capfd.readouterr().err.splitlines()
    assert line.startswith(f"recloop: {source} of user 1 is nan")
    assert '"status": "failed"' in (tmp_path / "run" / "manifest.json").read_text()
    assert not list((tmp_path / "run").rglob("final.safetensors"))


def test_a_loss_is_said_in_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(BatchedDQN, "_loss", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    assert tiny.recloop(*words, *tiny.DQN) == 2
    *_, line = capfd.readouterr().err.splitlines()
    assert line.startswith("recloop: the loss is nan at update 1; lower agent.learning_rate")
