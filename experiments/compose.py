"""Configurations, composed by Hydra from `recloop.configs`, and what Hydra has to say of them."""

import re
import traceback
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recloop.experiments.arguments import did_you_mean

CONFIGS = "recloop.configs"
PRIMARY = "train"

_ID = uuid.uuid4().hex[:6]


def register_resolvers() -> None:
    """`${run_id:}`: six letters that tell apart runs of the same second."""
    OmegaConf.register_new_resolver("run_id", lambda: _ID, use_cache=True, replace=True)


def composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration of `recloop train OVERRIDES`; in a run, with the folders that were given to Hydra."""
    from hydra import compose, initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    register_resolvers()
    if GlobalHydra.instance().is_initialized():
        return compose(PRIMARY, list(overrides))
    with initialize_config_module(CONFIGS, version_base="1.3"):
        return compose(PRIMARY, list(overrides))


def is_hydras(error: Exception) -> bool:
    """Whether Hydra or OmegaConf has raised `error`, in whatever way: about words, then, and not by a fault of ours."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    module = str(frame.f_globals.get("__name__")).partition(".")[0]
    return isinstance(error, HydraException | OmegaConfBaseException) or module in ("hydra", "omegaconf", "antlr4")


def explain(error: Exception, overrides: Sequence[str]) -> str:
    """What Hydra or OmegaConf found wrong with `overrides`, in one line that names key, value and remedy."""
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, OverrideParseException):
        return f"{error.override!r} cannot be read; write key=value, and put values with signs in quotes"
    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        known = ", ".join(error.options)
        return f"{group}={option}: there is no such option{did_you_mean(option, error.options)}; choose from {known}"
    if unknown := re.match(r"Could not override '([^']+)'", str(error)):
        return _unknown_key(unknown[1], overrides)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = "; ".join(lines) or type(error).__name__
    return said if isinstance(error, HydraException | OmegaConfBaseException) else f"{' '.join(overrides)}: {said}"


def _unknown_key(key: str, overrides: Sequence[str]) -> str:
    said = [word for word in overrides if word.lstrip("+~").startswith(key)]
    known = {"experiment", *_keys(_without(said, overrides), "")}
    dotted = key.replace("/", ".")
    hint = " with the options chosen" if dotted in known else did_you_mean(dotted, known)
    return f"{(said or [key])[0]}: there is no key {key}{hint}; `recloop train --cfg job` shows all keys"


def _without(said: Sequence[str], overrides: Sequence[str]) -> Any:
    """The configuration as it would be without the words `said`; the default one if the others are wrong as well."""
    from hydra.errors import HydraException

    try:
        return OmegaConf.to_container(composed([word for word in overrides if word not in said]))
    except HydraException:
        return OmegaConf.to_container(composed([]))


def _keys(node: Any, prefix: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield f"{prefix}{name}"
            yield from _keys(child, f"{prefix}{name}.")
