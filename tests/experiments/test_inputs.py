"""What is refused before anything is loaded."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf, open_dict

from recloop.experiments import inputs
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.inputs import check, check_agent, refuse_used


@pytest.fixture(scope="module")
def composition() -> DictConfig:
    return composed(["run_dir=x"])


@pytest.fixture
def cfg(composition: DictConfig, monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    """The default configuration; whatever asks for data or weights fails."""
    monkeypatch.setattr("recloop.experiments.build.fetch", None)
    return composition.copy()


def test_the_default_configuration_passes_and_loads_nothing(cfg: DictConfig) -> None:
    check(cfg)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("steps", 1.5, ["steps is 1.5", "whole number of 1 or more"]),
        ("steps", True, ["steps is True", "whole number"]),
        ("steps", 0, ["steps is 0"]),
        ("seed", -1, ["seed is -1", "from 0 to 4294967295"]),
        ("seed", 2**32, ["seed is 4294967296"]),
        ("seed", 1000003, ["seed is 1000003", "choose another"]),
        ("projection.dim", "wide", ["projection.dim is 'wide'"]),
        ("env.population.known_share", 1, ["env.population.known_share is 1", "between 0 and 1"]),
        ("env.population.held_out", 1.5, ["env.population.held_out is 1.5", "between 0 and 1"]),
        ("evaluation.boredom_weight", -1, ["evaluation.boredom_weight is -1", "0 or more"]),
        ("evaluation.boredom_weight", float("nan"), ["evaluation.boredom_weight is nan"]),
        ("name", 3, ["name is 3", "a text"]),
        ("agent.num_envs", "many", ["agent.num_envs is 'many'", "whole number"]),
        ("agent.num_envs", 0, ["agent: num_envs is 0", "1 or more"]),
        ("agent.learning_rate", float("nan"), ["agent.learning_rate is nan", "finite"]),
        ("agent.learning_rate", -1, ["agent: learning_rate is -1", "above 0"]),
        ("agent.head", "tree", ["agent.head is 'tree'", "one of item, mlp"]),
        ("agent.hidden", [], ["agent: hidden is []"]),
        ("agent.hidden", ["wide"], ["agent.hidden is ['wide']", "a list, each a whole number"]),
        ("agent.lerning_rate", 1, ["agent.lerning_rate", "did you mean learning_rate?", "num_envs"]),
        ("agent", None, ["agent is None", "choose an option"]),
        ("agent._target_", "os.system", ["agent._target_ is 'os.system'", "only public classes"]),
        ("env.choice.scale", "steep", ["env.choice.scale is 'steep'", "number"]),
        ("env.reward.enjoyment", 0, ["env.reward", "all reward weights are 0"]),
        ("env.dynamics.boredom.half_life_steps", 0, ["env.dynamics.boredom: half_life_steps is 0"]),
        ("env.observation.gain", "much", ["env.observation.gain is 'much'"]),
        ("tracking.mode", "loud", ["tracking.mode is 'loud'", "offline"]),
        ("encoder.pooling", "most", ["encoder.pooling is 'most'", "one of mean, cls, last"]),
        ("encoder.model", "asset:minilmm", ["encoder.model", "'minilmm'", "did you mean minilm?"]),
        ("env.dataset.folder", "asset:ml-100", ["env.dataset.folder", "'ml-100'", "did you mean ml-100k?"]),
        ("prompts.item.template", "{title.x}", ["prompts.item", "'title.x'"]),
        ("device", "toaster", ["device is 'toaster'", "cpu"]),
        ("device", "cuda:99", ["device is 'cuda:99'", "device=cpu"]),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_key(cfg: DictConfig, key: str, value: Any, said: list[str]) -> None:
    with open_dict(cfg):
        OmegaConf.update(cfg, key, value, merge=False)
    with pytest.raises(UsageError) as refused:
        check(cfg)
    message = str(refused.value)
    assert [words for words in said if words not in message] == [], message
    assert "\n" not in message


def test_a_folder_that_is_no_model_is_refused(cfg: DictConfig, tmp_path: Path) -> None:
    cfg.encoder.model = str(tmp_path)
    with pytest.raises(UsageError, match=rf"^encoder: {tmp_path} is no model folder: it lacks config\.json"):
        check(cfg)


def test_numbers_that_no_constructor_takes_are_all_checked(cfg: DictConfig) -> None:
    """Whoever adds a number outside of a `_target_` adds its rule."""
    described = [f"{key}." for key in _described(OmegaConf.to_container(cfg), "")]
    numbers = {
        key
        for key, value in _leaves(OmegaConf.to_container(cfg), "")
        if isinstance(value, int | float) and not isinstance(value, bool) and not key.startswith(tuple(described))
    }
    assert {key for key in numbers if not key.startswith("evaluation.")} <= inputs.NUMBERS.keys()


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "metrics.jsonl", "cells"])
def test_a_folder_that_holds_a_run_is_not_used_again(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="which holds a run already; go on with resume=true"):
        refuse_used(tmp_path)


def test_a_new_folder_and_one_with_other_things_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    refuse_used(tmp_path)
    refuse_used(tmp_path / "new")


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="which is a file; choose a folder"):
        refuse_used(tmp_path / "file")


def _described(node: Any, key: str) -> list[str]:
    if not isinstance(node, dict):
        return []
    below = [found for name, child in node.items() for found in _described(child, f"{key}.{name}".lstrip("."))]
    return [key, *below] if "_target_" in node else below


def _leaves(node: Any, key: str) -> list[tuple[str, Any]]:
    if not isinstance(node, dict):
        return [(key, node)]
    return [leaf for name, child in node.items() for leaf in _leaves(child, f"{key}.{name}".lstrip("."))]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["env/action=proto"], "agent: this agent cannot play env/action=proto; choose item or candidates"),
        (["env/action=candidates", "agent=dqn_mlp"], "agent: head is 'mlp', which knows nothing of candidates"),
        (["env.action.repeats=false", "agent=ppo_mlp"], "agent: head is 'mlp', which knows nothing of what has been"),
    ],
)
def test_an_agent_that_cannot_take_the_actions_is_refused(words: list[str], said: str) -> None:
    cfg = composed(words)
    check(cfg)
    with pytest.raises(UsageError, match=said):
        check_agent(cfg)


@pytest.mark.parametrize("named", ["choice.Click", "actions.Stock"])
def test_an_action_that_is_none_is_refused(cfg: DictConfig, named: str) -> None:
    cfg.env.action = {"_target_": f"recloop.envs.{named}"}
    with pytest.raises(UsageError, match=rf"env.action._target_ is 'recloop.envs.{named}', of another kind"):
        check(cfg)


def test_an_environment_from_before_there_were_actions_is_one_of_items(cfg: DictConfig) -> None:
    with open_dict(cfg):
        del cfg.env["action"]
    check(cfg)
    check_agent(cfg)
