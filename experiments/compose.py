"""Configurations, composed by Hydra from `recloop.configs`."""

import uuid
from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

CONFIGS = "recloop.configs"
PRIMARY = "train"

_ID = uuid.uuid4().hex[:6]


def register_resolvers() -> None:
    """`${run_id:}`: six letters that tell apart runs of the same second."""
    OmegaConf.register_new_resolver("run_id", lambda: _ID, replace=True)


def composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration of `recloop train OVERRIDES`, in a process where Hydra does not run."""
    from hydra import compose, initialize_config_module

    register_resolvers()
    with initialize_config_module(CONFIGS, version_base="1.3"):
        return compose(PRIMARY, list(overrides))
