"""Folders of figures that are no run: what was measured, and what it was measured with."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from recloop.encoders.files import write_atomically
from recloop.experiments.manifest import code, machine, versions
from recloop.experiments.redaction import redact_command
from recloop.experiments.run import TOLD, stored_config

if TYPE_CHECKING:
    from rich.console import Console

TABLE_WIDTH = 140
"""Characters that tables need; a narrower terminal wraps their lines."""


def recording() -> "Console":
    """A console that remembers what it prints, as wide as tables are: a figure cut short would be another one."""
    from rich.console import Console

    return Console(width=max(Console().width, TABLE_WIDTH), record=True)


def keep_table(folder: Path, console: "Console") -> None:
    """Write what `console` has printed so far to table.txt."""
    write_atomically(folder / "table.txt", console.export_text(clear=False).strip("\n").encode() + b"\n")


def keep(
    cfg: DictConfig,
    folder: Path,
    name: str,
    facts: Mapping[str, Any],
    command: Sequence[str],
    fingerprints: Mapping[str, str],
    console: "Console",
    told: Collection[str] = TOLD,
) -> None:
    """Write NAME.json, config.json and table.txt into `folder`.

    Args:
        cfg: the configuration.
        folder: where.
        name: of the file of figures.
        facts: the figures; beside them are kept the command, the time, data and encoders, code, libraries and machine.
        command: the arguments of `recloop`; see `redact_command` for what is kept of them.
        fingerprints: of data and encoders, by name.
        console: what was printed.
        told: keys that may be told of the command.
    """
    origin = {
        "command": redact_command(command, told),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": cfg.seed,
        "fingerprints": dict(fingerprints),
        "code": code(),
        "versions": versions(),
        "platform": machine(cfg.device),
    }
    write_atomically(folder / f"{name}.json", json.dumps({**facts, **origin}, indent=2).encode() + b"\n")
    write_atomically(folder / "config.json", json.dumps(stored_config(cfg), indent=2).encode())
    keep_table(folder, console)
