"""Put measured results into README.md or another page: every table there comes from a run folder or a benchmark.

python benchmarks/pages.py headline=runs/headline/RUN language=runs/language/RUN speed=runs/bench-TIME.json
python benchmarks/pages.py docs/scenarios.md long_tail=runs/scenario-long-tail/RUN
"""

import json
import re
import sys
from datetime import datetime
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

_OWN = ("run_dir=", "tracking=", "resume=", "<withheld>")
"""Words of a command that say where its results go, and not what they are."""


def main(words: list[str]) -> None:
    """Replace the block `<!-- name -->` of each `name=path`, in the page that the first word may name."""
    page = README if "=" in words[0] else Path(words[0])
    text = page.read_text()
    for word in words if page is README else words[1:]:
        name, _, path = word.partition("=")
        block = _speed(Path(path)) if name == "speed" else _table(Path(path))
        pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- /{name} -->", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{page} has no block <!-- {name} -->; add one")
        before, after = pattern.split(text)
        text = f"{before}<!-- {name} -->\n{block}<!-- /{name} -->{after}"
    page.write_text(text)


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
    """What the benchmark printed."""
    return f"\n{_indented(json.loads(path.read_text())['tables'])}\n"


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.strip("\n").splitlines())


if __name__ == "__main__":
    main(sys.argv[1:])
