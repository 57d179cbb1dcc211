"""`recloop train -m`: one job of a grid, wherever a launcher of Hydra's runs it, and the folder that it has there.

A launcher sends `cell` to its workers by name, so that they import this module, which registers the resolvers of our
configurations, before they read one.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from recloop.experiments.compose import register_resolvers

if TYPE_CHECKING:
    from omegaconf import DictConfig

_LONGEST = 100
"""Characters of a folder's name; file systems allow 255 bytes."""

_NEVER_NAMED = {"run_dir", "resume"}
"""Keys that say where and how a grid runs, not what."""


def cell(cfg: "DictConfig") -> None:
    """Run one job of a grid, in a folder of its own below `run_dir`.

    Raises:
        UsageError: naming key, value and remedy. The launcher goes on with the other jobs, and raises the first.
    """
    from hydra.core.hydra_config import HydraConfig

    from recloop.experiments.launch import launch
    from recloop.experiments.signals import heard

    settings = HydraConfig.get()
    os.chdir(settings.runtime.cwd)  # a cluster's worker may begin elsewhere
    folder = Path(settings.sweep.dir) / settings.sweep.subdir
    if folder.is_relative_to(settings.runtime.cwd):
        folder = folder.relative_to(settings.runtime.cwd)
    cfg.run_dir = str(folder)
    with heard():
        launch(cfg, folder, list(settings.overrides.task))


def naming(words: Sequence[str]) -> str:
    """The word for Hydra by which folders are named after the keys that vary in a grid, and after no others.

    Raises:
        HydraException: a word cannot be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides([word for word in words if "=" in word and word[0] != "-"])
    varied = {override.key_or_group for override in parsed if override.is_sweep_override()}
    others = {override.key_or_group for override in parsed} - varied | _NEVER_NAMED
    quoted = ",".join(f"'{key}'" for key in sorted(others))
    return f"hydra.job.config.override_dirname.exclude_keys=[{quoted}]"


def folder_name(overrides: str) -> str:
    """`agent=dqn,seed=1` itself if it can name a folder; else what can, with letters that tell similar ones apart."""
    plain = re.sub(r"[^\w.,=+-]", "_", overrides)
    if plain and plain == overrides and len(plain) <= _LONGEST and plain.strip("."):
        return plain
    return f"{plain[:_LONGEST]}-{hashlib.sha256(overrides.encode()).hexdigest()[:8]}".lstrip("-.")


register_resolvers()
OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
OmegaConf.register_new_resolver("below", os.path.join, replace=True)
