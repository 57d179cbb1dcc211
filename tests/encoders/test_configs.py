"""The config group `encoder`: every option is a constructor call."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

FOLDER = Path(__file__).parents[2] / "configs" / "encoder"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_keys_are_arguments(path: Path) -> None:
    config = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(config, dict)
    arguments = {str(key): value for key, value in config.items() if key != "_target_"}
    inspect.signature(get_class(config["_target_"])).bind(**arguments)


@pytest.mark.parametrize("name", ["hashing", "random"])
def test_a_control_is_as_wide_as_minilm(name: str) -> None:
    assert instantiate(OmegaConf.load(FOLDER / f"{name}.yaml")).dim == 384


def test_what_is_shuffled_is_minilm() -> None:
    minilm, shuffled = (OmegaConf.load(FOLDER / f"{name}.yaml") for name in ("minilm", "shuffled"))
    assert shuffled.encoder == minilm
