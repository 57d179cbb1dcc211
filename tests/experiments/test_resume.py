"""A run that is killed at any moment goes on to the same bits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.experiments import tiny

STATES = ("checkpoint_seconds=0", "steps=512")
AGENTS = {
    "PPO 1": ("agent.num_envs=1", "agent.rollout_steps=64", "agent.batch_size=64", "agent.epochs=1", *STATES),
    "PPO 64": ("agent.num_envs=64", "agent.rollout_steps=2", "agent.batch_size=64", "agent.epochs=1", *STATES),
    "DQN 1": (*tiny.DQN, "agent.num_envs=1", *STATES, "checkpoint_seconds=0.2"),
    "DQN 64": (*tiny.DQN, "agent.num_envs=64", *STATES),
}


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "films").mkdir()
    return ["train", *tiny.settings(tiny.films(tmp_path / "films"))]


def crashes(folder: Path, words: list[str], **task: Any) -> dict[str, Any]:
    """What `tests/experiments/crashes.py` says."""
    environment = {"RECLOOP_CACHE": str(folder / "cache"), "OUTPUT": str(folder / "output.txt"), "HOME": str(folder)}
    argument = json.dumps({"words": words, "folder": str(folder), **task})
    command = [sys.executable, "-m", "tests.experiments.crashes", argument]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def chosen(words: list[str], agent: str) -> list[str]:
    """The words of a tiny run, each key once: the agent's own come last."""
    keys = {word.partition("=")[0]: word for word in [*words, *AGENTS[agent]]}
    return list(keys.values())


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_bits(words: list[str], tmp_path: Path) -> None:
    result = crashes(tmp_path, chosen(words, "DQN 64"), kills=2, seed=0)
    assert result["kills"] == 2
    assert all(outcome == result["expected"] for outcome in result["outcomes"])


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
def test_a_hundred_kills_leave_no_trace(agent: str, words: list[str], tmp_path: Path) -> None:
    result = crashes(tmp_path, chosen(words, agent), kills=25, seed=1)
    print(f"{agent}: {result['kills']} kills of {len(result['outcomes'])} runs")
    assert all(outcome == result["expected"] for outcome in result["outcomes"])


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["PPO 64", "DQN 64"])
def test_a_crash_at_any_write_leaves_no_trace(agent: str, words: list[str], tmp_path: Path) -> None:
    result = crashes(tmp_path, chosen(words, agent), every_call=True)
    print(f"{agent}: crashed at each of {len(result['outcomes'])} writes")
    assert len(result["outcomes"]) > 20
    assert all(outcome == result["expected"] for outcome in result["outcomes"])
