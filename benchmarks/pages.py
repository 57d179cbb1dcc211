"""Put measured results into a page: every table there comes from a run folder or a benchmark.

python benchmarks/pages.py headline=runs/headline/RUN language=runs/language/RUN speed=runs/bench-TIME.json
python benchmarks/pages.py docs/scenarios.md long_tail=runs/scenario-long-tail/RUN
python benchmarks/pages.py docs/performance.md runs/bench-TIME.json

The page is README.md unless the first word is another. `name=path` fills the block `<!-- name -->`; a benchmark without
a name fills a block for each of its parts.
"""

import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

_OWN = ("run_dir=", "tracking=", "resume=", "<withheld>")
"""Words of a command that say where its results go, and not what they are."""


def main(words: list[str]) -> None:
    """Replace the blocks that the words name."""
    own = words[0].endswith(".md")
    page = Path(words[0]) if own else ROOT / "README.md"
    text = page.read_text()
    for word in words[own:]:
        for name, block in _blocks(word).items():
            text = _replaced(text, name, block, page)
    page.write_text(text)


def _replaced(text: str, name: str, block: str, page: Path) -> str:
    pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- /{name} -->", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{page} has no block <!-- {name} -->; add one")
    before, after = pattern.split(text)
    return f"{before}<!-- {name} -->\n{block}<!-- /{name} -->{after}"


def _blocks(word: str) -> dict[str, str]:
    """What the word fills, by block."""
    name, named, path = word.partition("=")
    if not named:
        return _parts(json.loads(Path(word).read_text()))
    return {name: _speed(Path(path)) if path.endswith(".json") else _table(Path(path))}


def _table(run: Path) -> str:
    """The printed table of a run, with the command and the time that it took."""
    if not (run / "manifest.json").exists():  # of `recloop fidelity` and `recloop gap`
        return f"\n{_indented((run / 'table.txt').read_text())}\n"
    facts = json.loads((run / "manifest.json").read_text())
    minutes = (datetime.fromisoformat(facts["ended"]) - datetime.fromisoformat(facts["started"])).total_seconds() / 60
    command = " ".join(word for word in facts["command"] if not word.startswith(_OWN))
    made_by = f"`recloop {command}`, {minutes:.0f} minutes on {facts['platform']['cores']} cores"
    return f"\n{_indented((run / 'table.txt').read_text())}\n{made_by}, commit {facts['code']['commit'][:10]}.\n\n"


def _speed(path: Path) -> str:
    """What was to be reached, and on which machine it was."""
    from benchmarks import tables

    figures = json.loads(path.read_text())
    return f"\n{_indented(tables.goals(figures) + tables.machine(figures))}\n"


def _parts(figures: dict[str, Any]) -> dict[str, str]:
    """A table for each part that there is, with its command; for the others the command; the goals, the machine."""
    from benchmarks import tables
    from benchmarks.registry import SHEETS

    parts = {name: _part(name, figures["parts"].get(name)) for name in SHEETS}
    whole = {"goals": tables.goals(figures), "machine": tables.machine(figures)}
    return parts | {name: f"\n{_indented(text)}\n" for name, text in whole.items()}


def _part(name: str, part: dict[str, Any] | None) -> str:
    from benchmarks import tables
    from benchmarks.registry import SHEETS

    command = f'`make bench ARGS="--only {name}"`'
    if part is None:
        return f"\nNot measured in this run: {command}.\n\n"
    first, last = part["load"]
    circumstances = f"{part['seconds']} s, {part['ended']}, commit {(part['code']['commit'] or 'unknown')[:10]}"
    quick = " With `--quick`: it only shows that it runs." if part["quick"] else ""
    table = _indented(tables.table(SHEETS[name], part["rows"]))
    return f"\n{table}\n{command}, {circumstances}, load {first} before and {last} after.{quick}\n\n"


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.strip("\n").splitlines())


if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # instead of this folder
    main(sys.argv[1:])
