"""`recloop evaluate`: a stored agent plays again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from recloop.experiments.sessions import Played, load_sessions
from tests.experiments import tiny

CELLS = "[{policy: First, overrides: []}, {policy: Second, overrides: ['agent.gamma=0.5']}]"


def train(here: Path, name: str, *words: str) -> Path:
    folder = here / name
    assert tiny.recloop("train", *tiny.settings(here / "films"), *words, f"run_dir={folder}") == 0
    return folder


@pytest.fixture(scope="module")
def trained(here: Path) -> Path:
    return train(here, "ppo", *tiny.PPO, "seed=3")


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def evaluations(run: Path) -> list[Path]:
    return sorted((run / "evaluations").glob("*"))


def agents(folder: Path) -> list[Played]:
    return [one for one in load_sessions(folder / "episodes.parquet") if one.trained]


@pytest.mark.parametrize("agent", [tiny.PPO, tiny.DQN], ids=["ppo", "dqn"])
def test_in_its_own_environment_an_agent_does_the_very_same(here: Path, agent: tuple[str, ...]) -> None:
    run = train(here, f"same-{len(agent)}-words", *agent, "seed=5")
    assert tiny.recloop("evaluate", str(run)) == 0
    (folder,) = evaluations(run)
    before, now = (load_sessions(place / "episodes.parquet") for place in (run, folder))
    assert [one.key for one in before] == [one.key for one in now]
    for old, new in zip(before, now, strict=True):
        for was, here_and_now in zip(old.sessions[0], new.sessions[0], strict=True):
            assert was.tobytes() == here_and_now.tobytes()
    assert (run / "table.txt").read_text() == (folder / "table.txt").read_text()


def test_elsewhere_it_does_something_else_and_the_configuration_says_where(run: Path) -> None:
    words = ("env.dynamics.boredom.weight=0.9", "~env.dynamics.drift", "env/observation=prompt")
    assert tiny.recloop("evaluate", str(run), *words, "--no-baselines") == 0
    (folder,) = evaluations(run)
    ((before,), (now,)) = (agents(place) for place in (run, folder))
    assert len(load_sessions(folder / "episodes.parquet")) == 1
    assert now.policy == before.policy
    assert not np.array_equal(before.sessions[0].items, now.sessions[0].items)
    env = json.loads((folder / "config.json").read_text())["env"]
    assert list(env["dynamics"]) == ["boredom"]
    assert env["observation"]["_target_"].endswith("Prompt")


def test_a_new_catalog_is_read_through_the_projection_that_the_agent_learned_with(run: Path, tmp_path: Path) -> None:
    films = tiny.films(tmp_path)
    items = (films / "ml-100k.item").read_text().splitlines()
    (films / "ml-100k.item").write_text("\n".join([*items, f"{tiny.NUM_FILMS}\ta new one\t2020\tWestern", ""]))
    assert tiny.recloop("evaluate", str(run), f"env.dataset.folder={films}", "--no-baselines") == 0
    assert len(evaluations(run)) == 1


def test_an_agent_cannot_play_in_a_space_that_it_does_not_know(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("evaluate", str(run), "env/observation=oracle") == 2
    assert "env.observation shows the true state, but the agent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["agent.gamma=0"], "only deploy, device, env, evaluation, prompts, threads can be given anew"),
        (["env.nothing=1"], "there is no key env.nothing"),
        (["env.population.spread=-1"], "env.population.spread is -1; give a number of 0 or more"),
        (["env.dataset.folder=nowhere"], "env.dataset: "),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    run: Path, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.recloop("evaluate", str(run), *words) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert "Traceback" not in error
    assert not (run / "evaluations").exists()


@pytest.mark.parametrize("name", ["final", "projection"])
def test_damaged_or_missing_weights_are_named(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "checkpoints" / f"{name}.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert tiny.recloop("evaluate", str(run)) == 2
    assert f"{path}" in capsys.readouterr().err
    path.unlink()
    assert tiny.recloop("evaluate", str(run)) == 2
    assert f"{path}: no such file" in capsys.readouterr().err


def test_weights_of_another_network_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.loads((run / "config.json").read_text())
    config["agent"]["hidden"] = [32, 32]
    (run / "config.json").write_text(json.dumps(config))
    assert tiny.recloop("evaluate", str(run)) == 2
    assert "final.safetensors: does not fit this agent in this environment (size mismatch" in capsys.readouterr().err


def test_a_link_out_of_the_run_is_not_written_to(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (run / "evaluations").symlink_to(tmp_path / "elsewhere")
    assert tiny.recloop("evaluate", str(run), "--no-baselines") == 2
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.slow
def test_of_a_suite_every_cell_plays_again(here: Path) -> None:
    folder = train(here, "suite", *tiny.PPO, f"suite={{seeds: [0, 1], workers: 1, cells: {CELLS}}}")
    assert tiny.recloop("evaluate", str(folder), "--no-baselines") == 0
    (kept,) = evaluations(folder)
    for before, now in zip(agents(folder), agents(kept), strict=True):
        assert before.key == now.key
        assert [one.clicks.tobytes() for one in before.sessions] == [one.clicks.tobytes() for one in now.sessions]
