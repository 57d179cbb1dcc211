"""Run folders read back, of which any may be a stranger's: everything is checked before anything is built.

config.json and manifest.json are read within limits and hold no interpolations, so that no environment variable is
read; every `_target_` stands on the allow-list of `build.py`; no link leads out of the folder; nothing is unpickled.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig, OmegaConf

from recloop.experiments.build import check_tree
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.run import TOLD
from recloop.experiments.sessions import Curve, Played, load_sessions
from recloop.experiments.untrusted import inside, read, read_json, regular_file

FILE_BYTES = 2_000_000_000
"""The largest file that is read of a run."""

_CONFIG: Mapping[str, type | None] = {
    "name": str, "seed": int, "steps": int, "device": str, "threads": int, "suite": None, "env": dict,
    "prompts": dict, "encoder": dict, "projection": dict, "agent": dict, "evaluation": dict, "tracking": dict,
}  # fmt: skip
_MANIFEST: Mapping[str, type | None] = {
    "status": str, "started": str, "ended": None, "command": list, "seeds": list, "fingerprints": dict,
    "threads": int, "device": str, "code": dict, "versions": dict, "platform": dict,
}  # fmt: skip
_WORDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}
_STATUS = ("running", "finished", "interrupted", "failed")


class StoredRun(NamedTuple):
    """A run folder whose configuration and manifest have been checked; its other files are read when asked for.

    Every property and method raises UsageError when a file is missing, damaged, too large or leads out of the folder.
    """

    folder: Path
    config: DictConfig
    manifest: dict[str, Any]

    @property
    def config_here(self) -> DictConfig:
        """The configuration, in which `~`, as `redact` has written it, is the home of whoever reads it."""
        return DictConfig(_at_home(OmegaConf.to_container(self.config)))

    @property
    def name(self) -> str:
        """Of the experiment."""
        return str(self.config.name)

    @property
    def seed(self) -> int:
        """Of networks, exploration and the users met in training."""
        return int(self.config.seed)

    @property
    def status(self) -> str:
        """`running`, `finished`, `interrupted` or `failed`; a process that was killed has left `running`."""
        return str(self.manifest["status"])

    @property
    def is_suite(self) -> bool:
        """Whether the run consists of several, its cells."""
        return self.config.suite is not None

    @property
    def cells(self) -> "list[StoredRun]":
        """The runs of a suite that have begun, by folder name; none for a single run."""
        begun = sorted((self.folder / "cells").glob("*/config.json"))
        return [read_run(inside(self.folder, path.parent)) for path in begun]

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl."""
        from recloop.experiments.journal import read_journal

        return read(self.file("metrics.jsonl"), read_journal)

    @property
    def curve(self) -> Curve:
        """How a single run did on held-out users while it trained, as its journal says."""
        name = "held_out/clicks_per_session"
        points = [(row["steps"], row[name]) for row in self.journal if name in row]
        steps, clicks = np.array(points, np.float64).reshape(-1, 2).T
        return Curve(steps.astype(np.int32), clicks.astype(np.float32))

    def played(self) -> list[Played]:
        """What is in episodes.parquet; the learning curve of a single run is that of its journal."""
        played = read(self.file("episodes.parquet"), _sessions)
        if self.is_suite:
            return played
        return [one._replace(curves=(self.curve,)) if one.trained else one for one in played]

    def file(self, name: str) -> Path:
        """The path of a regular file in the folder, which is there and no larger than `FILE_BYTES`."""
        return regular_file(self.folder, name, FILE_BYTES)


def read_run(folder: Path) -> StoredRun:
    """The run in `folder`; nothing of it has been built, loaded or run.

    Raises:
        UsageError: naming the file, what is wrong with it and the remedy.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; name the folder of a run, such as runs/quickstart/...")
    config, manifest = read_json(folder, "config.json"), read_json(folder, "manifest.json")
    _check_config(folder / "config.json", config)
    _check_kinds(folder / "manifest.json", manifest, _MANIFEST)
    if manifest["status"] not in _STATUS:
        raise UsageError(f"{folder / 'manifest.json'}: status is {manifest['status'][:80]!r}; restore the file")
    return StoredRun(folder, OmegaConf.create({**_defaults(), **config}), manifest)


@cache
def _defaults() -> dict[str, Any]:
    """Values of the top-level keys that are single values: those that have come since a run was stored take them."""
    cfg = composed([])
    return {str(key): cfg[key] for key in cfg if key != "run_dir" and not OmegaConf.is_config(cfg[key])}


def find_runs(root: Path) -> list[StoredRun]:
    """The runs in `root` and below, by path; a suite counts as one. Links to folders are not followed.

    Raises:
        UsageError: there is none, or one cannot be read.
    """
    found = []
    for place, folders, files in os.walk(root):
        folders.sort()
        if {"config.json", "manifest.json"} <= set(files):
            folders.clear()  # what is below belongs to this run
            found.append(read_run(Path(place)))
    if not found:
        raise UsageError(f"{root}: holds no run (no config.json beside a manifest.json); name the folder of a run")
    return found


def _at_home(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _at_home(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_at_home(value) for value in node]
    return str(Path(node).expanduser()) if isinstance(node, str) and node.startswith("~/") else node


def _check_config(path: Path, config: Any) -> None:
    _check_kinds(path, config, _CONFIG)
    if unknown := sorted(config.keys() - set(TOLD)):
        raise UsageError(f"{path}: {unknown[0][:80]!r} is no key of a configuration; remove it")
    try:
        check_tree(config, "")
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _check_kinds(path: Path, node: Any, kinds: Mapping[str, type | None]) -> None:
    """Refuse an object that lacks a key, or holds a value of another kind there; None stands for any."""
    if not isinstance(node, dict):
        raise UsageError(f"{path}: holds no object; restore the file, or run again")
    for key, kind in kinds.items():
        if key not in node:
            raise UsageError(f"{path}: {key} is missing; restore the file, or run again")
        value = node[key]
        if kind is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise UsageError(f"{path}: {key} is {str(value)[:80]!r}; it should be {_WORDS[kind]}")


def _sessions(path: Path) -> list[Played]:
    """The sessions of a file that says of itself that it does not unpack to more than is read."""
    import pyarrow.parquet as pq

    facts = pq.read_metadata(path)
    size = sum(facts.row_group(index).total_byte_size for index in range(facts.num_row_groups))
    if size > FILE_BYTES:
        raise ValueError(f"it would unpack to {size:,} bytes")
    return load_sessions(path)
