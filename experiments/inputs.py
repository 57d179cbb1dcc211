"""What the user asks for, checked before any model or data is loaded."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from recloop.experiments.arguments import check_value, did_you_mean
from recloop.experiments.asset_table import ASSETS
from recloop.experiments.build import assets, check_parts, deployed, instantiate
from recloop.experiments.errors import UsageError
from recloop.experiments.seeding import TUNING_SEEDS


class Rule(NamedTuple):
    """What a number must be."""

    kind: type
    words: str
    holds: Callable[[Any], bool]


COUNT = Rule(int, "a whole number of 1 or more", lambda value: value >= 1)
SEED = Rule(int, "a whole number from 0 to 4294967295", lambda value: 0 <= value < 2**32)
WEIGHT = Rule(float, "a number of 0 or more", lambda value: 0 <= value <= sys.float_info.max)
POSITIVE = Rule(float, "a number above 0", lambda value: 0 < value <= sys.float_info.max)
PART = Rule(float, "a number of 0 or more, below 1", lambda value: 0 <= value < 1)
SHARE = Rule(float, "a number between 0 and 1", lambda value: 0 < value < 1)

NUMBERS: Mapping[str, Rule] = {
    "seed": SEED,
    "steps": COUNT,
    "threads": COUNT,
    "checkpoint_seconds": WEIGHT,
    "projection.dim": COUNT,
    "env.world.projection.dim": COUNT,
    "env.world.quality_shrinkage": POSITIVE,
    "env.population.history_share": SHARE,
    "env.population.known_share": SHARE,
    "env.population.half_life_interactions": POSITIVE,
    "env.population.spread": WEIGHT,
    "env.population.held_out": SHARE,
    "env.population.split_seed": SEED,
    "env.catalog.new_share": PART,
    "env.catalog.split_seed": SEED,
    "evaluation.sessions_per_user": COUNT,
    "evaluation.seed": SEED,
    "evaluation.curve_points": COUNT,
    "evaluation.planner_candidates": COUNT,
    "evaluation.planner_horizon": COUNT,
}
"""The numbers that no constructor takes; those that one takes, it checks itself. Others of `evaluation` are weights."""

OPTIONAL = ("projection.dim", "env.world.projection.dim", "env.population.known_share")
"""Numbers that may be null: vectors then stay as they are, and the platform knows all that taste comes from."""

VALUES: Mapping[str, type] = {
    "name": str,
    "run_dir": str,
    "device": str,
    "resume": bool,
    "projection.whiten": bool,
    "env.world.projection.whiten": bool,
    "env.catalog.learns_from_new": bool,
}
"""The other values that no constructor takes."""

SECTIONS = (
    "env", "env.catalog", "env.dynamics", "env.population", "env.world", "env.world.projection",
    "evaluation", "projection", "prompts",
)  # fmt: skip
"""Keys that hold others."""

FILES = ("config.json", "manifest.json", "metrics.jsonl", "episodes.parquet", "report.html", "cells")
"""What says that a folder holds a run."""


def check(cfg: DictConfig) -> None:
    """Refuse a configuration that cannot run, naming the first key that is wrong, its value and the remedy.

    Raises:
        UsageError: so.
    """
    _check_shape(cfg)
    weights = {f"evaluation.{name}": WEIGHT for name in cfg.evaluation}
    for key, rule in (weights | dict(NUMBERS)).items():
        value = OmegaConf.select(cfg, key)
        if value is not None or key not in OPTIONAL:
            check_number(key, value, rule)
    for key, kind in VALUES.items():
        check_value(key, OmegaConf.select(cfg, key), kind)
    if "\0" in cfg.run_dir:
        raise UsageError(f"run_dir is {cfg.run_dir!r}; no folder can have that name")
    if cfg.seed == cfg.evaluation.seed:
        raise UsageError(
            f"seed is {cfg.seed}, the seed of the evaluation; choose another, so that no luck is met twice"
        )
    _check_tuning(cfg)
    for key, name in assets(OmegaConf.to_container(cfg, resolve=True), ""):
        if name not in ASSETS:
            raise UsageError(
                f"{key}: unknown asset {name!r}{did_you_mean(name, ASSETS)}; there are {', '.join(ASSETS)}"
            )
    check_parts(cfg)
    _check_device(cfg.device)
    if cfg.get("deploy") is not None:
        _check_deployment(cfg)


def check_agent(cfg: DictConfig) -> None:
    """Refuse an agent that cannot take the actions of the environment, as far as it says.

    Raises:
        UsageError: so.
    """
    from recloop.envs.actions import name_of

    check_says = getattr(instantiate(cfg.agent, "agent"), "check_says", None)
    if cfg.env.get("action") is None or check_says is None:
        return
    actions = instantiate(cfg.env.action, "env.action")
    try:
        check_says(name_of(actions), repeats=actions.repeats)
    except ValueError as error:
        raise UsageError(f"agent: {error}") from error


def _check_deployment(cfg: DictConfig) -> None:
    """The environment that the agent is evaluated in is one that it could train in."""
    if not isinstance(cfg.deploy, DictConfig) or cfg.deploy.keys() != {"env", "prompts"}:
        raise UsageError(f"deploy is {cfg.deploy!r}; give env and prompts, or null to evaluate where the agent trains")
    try:
        check(deployed(cfg))
    except UsageError as error:
        raise UsageError(f"deploy: {error}") from error


def _check_tuning(cfg: DictConfig) -> None:
    """Validation users and tuning seeds go together: what is tuned on them meets neither in what is reported."""
    validation = cfg.env.population.get("validation")
    if validation is not None:
        check_number("env.population.validation", validation, SHARE)
    if (validation is not None) is not (cfg.seed in TUNING_SEEDS):
        kind = "a tuning seed" if validation is None else "no tuning seed"
        raise UsageError(
            f"seed is {cfg.seed}, {kind}, but env.population.validation is {validation}; tune with seeds from "
            f"{TUNING_SEEDS[0]} and validation users, report with other seeds and without"
        )


def _check_shape(cfg: DictConfig) -> None:
    """Whoever replaces a part of the configuration by a value is told so here, and not where it is used."""
    for key in SECTIONS:
        if not isinstance(node := OmegaConf.select(cfg, key), DictConfig):
            raise UsageError(f"{key} is {node!r}, which holds no keys; `recloop train --cfg job` shows which it should")
    if cfg.get("suite") is not None and not isinstance(cfg.suite, DictConfig):
        raise UsageError(f"suite is {cfg.suite!r}; give seeds, workers and cells, or null for a single run")


def check_number(key: str, value: Any, rule: Rule) -> None:
    """Refuse a value that is no number, or not the number that `rule` asks for."""
    kinds = int if rule.kind is int else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not rule.holds(value):
        raise UsageError(f"{key} is {value!r}; give {rule.words}")


def refuse_used(folder: Path) -> None:
    """Refuse to write over a run.

    Raises:
        UsageError: `folder` holds one already, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"run_dir is {folder}, which is a file; choose a folder")
    if any((folder / name).exists() for name in FILES):
        raise UsageError(
            f"run_dir is {folder}, which holds a run already; go on with resume=true, or choose another folder"
        )


def _check_device(device: str) -> None:
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", device):
        raise UsageError(f"device is {device!r}; give cpu, mps, cuda, or cuda:1 and so on")
    if device == "cpu":
        return
    import torch

    family, _, index = device.partition(":")
    found = torch.cuda.device_count() if family == "cuda" else int(torch.backends.mps.is_available())
    if int(index or 0) >= found:  # stable-baselines3 would quietly take the CPU
        raise UsageError(f"device is {device!r}, but PyTorch finds {found} {family} devices here; try device=cpu")
