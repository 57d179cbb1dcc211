"""Put measured results into README.md: every figure there comes from a run folder or a benchmark, none is typed.

python benchmarks/readme.py headline=runs/headline/RUN language=runs/language/RUN speed=runs/bench-TIME.json
"""

import json
import re
import sys
from datetime import datetime
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def main(words: list[str]) -> None:
    """Replace the block `<!-- name -->` of each `name=path`."""
    text = README.read_text()
    for word in words:
        name, _, path = word.partition("=")
        block = _speed(Path(path)) if name == "speed" else _table(Path(path))
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md has no block <!-- {name} -->; add one")
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}{match[2]}", text)
    README.write_text(text)


def _table(run: Path) -> str:
    """The printed table of a run, with the command and the time that it took."""
    facts = json.loads((run / "manifest.json").read_text())
    minutes = (datetime.fromisoformat(facts["ended"]) - datetime.fromisoformat(facts["started"])).total_seconds() / 60
    made_by = f"`recloop {' '.join(facts['command'])}`, {minutes:.0f} minutes on {facts['platform']['cores']} cores"
    indented = "".join(f"    {line.rstrip()}\n" for line in (run / "table.txt").read_text().splitlines())
    return f"\n{indented}\n{made_by}, commit {facts['code']['commit'][:10]}.\n\n"


def _speed(path: Path) -> str:
    """The benchmark's own summary, a Markdown table."""
    return "\n" + json.loads(path.read_text())["summary"] + "\n\n"


if __name__ == "__main__":
    main(sys.argv[1:])
