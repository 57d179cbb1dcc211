"""What a run was made with, held against what is here: everything by its name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from recloop.experiments.manifest import RESULTS, results
from recloop.experiments.resume import differences

if TYPE_CHECKING:
    from rich.table import Table

Kind = Literal["edited", "inputs", "surroundings"]
"""Whether the record of the run, its data and encoders, or libraries, code and machine are not as they were."""

_CHANGES_NO_FIGURE = ("run_dir", "tracking", "checkpoint_seconds")
_CELL_CHARACTERS = 48


class Difference(NamedTuple):
    """One thing that is not as it was; None where it is missing."""

    kind: Kind
    what: str
    was: Any
    here: Any

    def __str__(self) -> str:
        return f"{self.what} {_short(self.was)} in the run, {_short(self.here)} here"


def edits(folder: Path, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Difference]:
    """What somebody has changed in a run folder since the run was made, as far as its manifest tells.

    Args:
        folder: of the run.
        config: its config.json, as plain values.
        manifest: its manifest.json.
    """
    made_with = _part(manifest, "config") or {name: manifest[name] for name in ("threads", "device")}
    now = config if _part(manifest, "config") else {name: config[name] for name in made_with}
    found = results(folder)
    kept = {name: value for name, value in _part(manifest, "results").items() if name in found}
    return [
        *(
            Difference("edited", f"config.json: {key}", was, here)
            for key, was, here in differences(made_with, now)
            if key.partition(".")[0] not in _CHANGES_NO_FIGURE
        ),
        *_differing("edited", {name: f"SHA-256 of {RESULTS[name]}" for name in kept}, kept, found),
    ]


def surroundings(was: Mapping[str, Any], here: Mapping[str, Any]) -> list[Difference]:
    """What the manifest `was` of a run tells otherwise than `here`, the manifest of the same run made here.

    What a run did not record, for it is older, cannot differ.
    """
    told, now = _facts(was), _facts(here)
    names = {name: f"fingerprint of {name}" for name in was["fingerprints"]}
    return [
        *_differing("inputs", names, was["fingerprints"], here["fingerprints"]),
        *_differing("surroundings", {name: name for name in told}, told, now),
    ]


def table(found: Sequence[Difference]) -> "Table":
    """The differences for the terminal; what makes it another run stands out."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("what differs", "in the run", "here"):
        shown.add_column(heading, overflow="fold")
    for one in found:
        cells = (one.what, _short(one.was), _short(one.here))
        shown.add_row(*map(Text, cells), style="" if one.kind == "surroundings" else "bold")
    return shown


def _differing(
    kind: Kind, names: Mapping[str, str], was: Mapping[str, Any], here: Mapping[str, Any]
) -> Iterator[Difference]:
    for key, name in names.items():
        if was.get(key) != here.get(key):
            yield Difference(kind, name, was.get(key), here.get(key))


def _facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Libraries, code and machine under the names that a person knows them by."""
    code = {"commit": "commit", "changes_sha256": "uncommitted changes"}
    return {
        **manifest["versions"],
        **{name: manifest["code"][key] for key, name in code.items() if key in manifest["code"]},
        "device": manifest["device"],
        **{key.replace("_", " "): value for key, value in manifest["platform"].items()},
        **_part(manifest, "thread_variables"),
    }


def _part(manifest: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A part that older manifests lack."""
    part = manifest.get(name)
    return part if isinstance(part, dict) else {}


def _short(value: Any) -> str:
    """A value in the room of a cell; – for what is missing."""
    text = "–" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _CELL_CHARACTERS else f"{text[: _CELL_CHARACTERS - 1]}…"
