"""From configuration to objects: the only `instantiate`, behind an allow-list over the whole tree."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recloop.experiments.arguments import check_arguments
from recloop.experiments.assets import fetch
from recloop.experiments.errors import UsageError

ALLOWED = ("recloop.envs.", "recloop.agents.", "recloop.encoders.", "recloop.experiments.tracking.")
"""Modules of which a configuration may name what describes something: dataclasses and observations, to build which
reads nothing and writes nothing. A stranger's run is untrusted input."""

OBSERVATIONS = "recloop.envs.observations"

SPACE = "env.world.space"
"""Where the items lie in the world, fitted on ratings; without it they lie as their texts are read."""

FEEDBACK = "env.feedback"
"""What users write; without it they keep silent."""

ASSET = "asset:"
"""What stands before the name of an asset, where a folder may stand."""

PARTS: Mapping[str, str] = {
    "tracking": "open",
    "prompts.item": "template",
    "prompts.profile": "template",
    "prompts.history": "stranger",
    "env.dataset": "read",
    "env.choice": "answer|fit",
    "env.sessions": "ended",
    "env.reward": "bounds",
    "env.observation": "arrive",
    "env.world.encoder": "encode",
    "encoder": "encode",
    "agent": "learner",
}
"""Keys that describe an object each, and what such an object has (`a|b`: either); `env.dynamics` describes several,
that have a `cost`. A world may have a `space` too, that can `place` items, and an `env.index` that is `chosen` by their
number.

The agent comes last, for it imports PyTorch."""


def instantiate(config: Any, key: str) -> Any:
    """The object that `config` describes; `key` is its path in the configuration, for messages.

    Raises:
        UsageError: for a `_target_` that is no public class of recloop's, and for values that its constructor refuses.
    """
    import hydra
    from hydra.errors import InstantiationException

    check_targets(config, key)
    try:
        return hydra.utils.instantiate(config, _convert_="all")
    except InstantiationException as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise UsageError(f"{key}: {reason}") from error


def check_targets(config: Any, key: str) -> None:
    """Refuse what `instantiate` would, as far as that can be told without calling a constructor.

    Raises:
        UsageError: for a `_target_` that is not a public class of recloop's, and for arguments that it does not take.
    """
    if not isinstance(config, DictConfig) or "_target_" not in config:
        raise UsageError(f"{key} is {config!r}, which describes nothing to build; choose an option of that group")
    check_tree(OmegaConf.to_container(config, resolve=True), key)


def check_tree(node: Any, key: str) -> None:
    """Hold every part of a plain configuration, however deep, against the allow-list; `key` is where it stands.

    Raises:
        UsageError: for a `_target_` that is not a public class of recloop's, and for arguments that it does not take.
    """
    described = {path.lstrip("."): part for path, part in _described(node, key)}
    targets = {path: _allowed(path, node["_target_"]) for path, node in described.items()}
    for path, node in described.items():
        _check_partial(path, node.get("_partial_", False), targets[path])
        given = {name: value for name, value in node.items() if name not in ("_target_", "_partial_")}
        check_arguments(targets[path], given, path)


def check_parts(cfg: DictConfig) -> None:
    """Build what loads nothing, for the checks of the constructors; what takes an asset is not fetched yet.

    Raises:
        UsageError: naming key, value and remedy.
    """
    space = {SPACE: "place"} if OmegaConf.select(cfg, SPACE) is not None else {}
    dynamics = {f"env.dynamics.{name}": "cost" for name in cfg.env.dynamics}
    ads = {"env.ads": "slots"} if cfg.env.get("ads") is not None else {}
    index = {"env.index": "chosen"} if cfg.env.get("index") is not None else {}
    action = {"env.action": "items"} if cfg.env.get("action") is not None else {}
    feedback = {FEEDBACK: "of"} if cfg.env.get("feedback") is not None else {}
    for key, abilities in (space | dynamics | ads | index | action | feedback | dict(PARTS)).items():
        config = OmegaConf.select(cfg, key)
        check_targets(config, key)
        if not any(hasattr(_allowed(key, config._target_), ability) for ability in abilities.split("|")):
            raise UsageError(f"{key}._target_ is {config._target_!r}, of another kind; choose an option of that group")
        if not any(assets(OmegaConf.to_container(config, resolve=True), key)):
            instantiate(config, key)


def _check_partial(key: str, value: Any, target: type) -> None:
    """Observations are finished by `build_setting`, which knows the catalog; everything else is built at once."""
    if value is not (target.__module__ == OBSERVATIONS):
        raise UsageError(f"{key}._partial_ is {value!r}; it is true for observations, and left out elsewhere")


def assets(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """Keys and names of all values `asset:NAME` of a plain configuration that stands at `key`."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield from assets(child, f"{key}.{name}".lstrip("."))
    elif isinstance(node, str) and node.startswith(ASSET):
        yield key, node.removeprefix(ASSET)


def with_assets(config: DictConfig) -> DictConfig:
    """The same config, with every value `asset:NAME` replaced by the folder of that asset."""
    found = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(found, DictConfig)
    for key, name in list(assets(OmegaConf.to_container(found), "")):
        OmegaConf.update(found, key, str(fetch(name)))
    return found


def _described(node: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All parts of a plain configuration that name a `_target_`, with their keys."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield key, node
        for name, child in node.items():
            yield from _described(child, f"{key}.{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _described(child, f"{key}[{index}]")


def _allowed(key: str, target: Any) -> type:
    """The class that `target` names, which is defined in that very module."""
    module, _, name = str(target).rpartition(".")
    if f"{module}.".startswith(ALLOWED) and not name.startswith("_"):
        try:
            named = getattr(import_module(module), name, None)
        except (ModuleNotFoundError, RecursionError):  # a thousand dots
            named = None
        if inspect.isclass(named) and named.__module__ == module and _describes(named):
            return named
    folders = ", ".join(prefix.rstrip(".") for prefix in ALLOWED)
    raise UsageError(f"{key}._target_ is {target!r}; only public classes of {folders} that describe may be built")


def _describes(named: type) -> bool:
    return is_dataclass(named) or named.__module__ == OBSERVATIONS


def deployed(cfg: DictConfig) -> DictConfig:
    """The configuration of the environment that `cfg.deploy` names, for the same agent."""
    there = cfg.copy()
    there.env, there.prompts, there.deploy = cfg.deploy.env, cfg.deploy.prompts, None
    return there
