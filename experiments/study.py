"""A suite in several worlds: the same agents in each, and what may be said of them in all."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from recloop.experiments.arguments import check_value
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.suite import cells, refuse_clash

MANIFEST, TABLE = "manifest.json", "table.txt"


class World(NamedTuple):
    """One of the worlds: its name in sentences, and the words of `recloop train` that make it."""

    name: str
    overrides: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Its folder below the study's."""
        return f"worlds/{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}"

    def words(self, overrides: Sequence[str]) -> list[str]:
        """The words of the suite in this world; sentences are left to the study, which corrects for all of them."""
        return [*overrides, *self.overrides, "suite.worlds=null", "suite.contrasts=null"]


def worlds(suite: DictConfig, overrides: Sequence[str]) -> list[World]:
    """The worlds of `suite`; `overrides` are the user's own words.

    Raises:
        UsageError: one cannot be told from another, or cannot run, or the user sets a key that they vary.
    """
    for index, world in enumerate(suite.worlds):
        check_value(f"suite.worlds[{index}].name", world.get("name"), str)
        check_value(f"suite.worlds[{index}].overrides", list(world.get("overrides") or ()), list[str])
        refuse_clash(overrides, world.overrides)
    found = [World(world.name, tuple(world.overrides)) for world in suite.worlds]
    if len({world.folder for world in found}) < len(found):
        raise UsageError(f"suite.worlds: {', '.join(world.name for world in found)}; give each a name of its own")
    for world in found:
        cells(suite, world.words(overrides))
    return found


def launch_study(cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    """Run the suite of `cfg` in each of its worlds, every one an ordinary run below `folder`; then compare.

    With `resume=true`, worlds and cells that have finished are not run again.

    Raises:
        UsageError: naming key, value and remedy.
        Stopped: a signal has come.
    """
    from recloop.experiments.contrasts import check_pairs
    from recloop.experiments.launch import launch, say
    from recloop.experiments.manifest import ended, manifest, write_manifest
    from recloop.experiments.run import TOLD, stored_config

    pairs = check_pairs(cfg.suite.get("contrasts") or (), [cell.policy for cell in cfg.suite.cells])
    todo = worlds(cfg.suite, overrides)
    seeds, config = list(cfg.suite.seeds), stored_config(cfg)
    started = manifest(["train", *overrides], TOLD, seeds, {}, cfg.threads, cfg.device, config)
    for world in todo:
        say(f"{cfg.name}: the world of {world.name}")
        words = world.words(overrides)
        below = folder / world.folder
        launch(composed([*words, f"run_dir={below}", f"resume={cfg.resume}"]), below, words)
    _conclude(folder, todo, pairs)
    write_manifest(folder / MANIFEST, ended(started, "finished"))


def _conclude(folder: Path, found: Sequence[World], pairs: Any) -> None:
    """Print what the worlds say together, and keep it with their tables."""
    from rich.console import Console

    from recloop.encoders.files import write_atomically
    from recloop.experiments.contrasts import conclusions
    from recloop.experiments.sessions import load_sessions

    played = {world.name: load_sessions(folder / world.folder / "episodes.parquet") for world in found}
    sentences = conclusions(played, pairs) if pairs else []
    console = Console()
    for line in ["", *sentences]:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    tables = [f"The world of {world.name}\n\n{(folder / world.folder / TABLE).read_text()}" for world in found]
    write_atomically(folder / TABLE, "\n".join([*tables, *sentences, ""]).encode())
