"""What was measured, as it is stored."""

import importlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.machine import described, load
from benchmarks.registry import SHEETS
from benchmarks.scope import Scope
from recloop.experiments.manifest import code


@dataclass(frozen=True)
class Figures:
    """The JSON file of a benchmark: the machine, and the rows and circumstances of each part measured on it."""

    path: Path
    content: dict[str, Any]

    @classmethod
    def at(cls, path: Path) -> "Figures":
        """Those that are stored at `path`, to be added to; none yet if there is no such file.

        Raises:
            SystemExit: they were measured on another machine or with other versions.
        """
        machine = described()
        if not path.exists():
            return cls(path, {"machine": machine, "parts": {}})
        content = json.loads(path.read_text())
        if content["machine"] != machine:
            raise SystemExit(f"{path} was measured on another machine or with other versions; write to another file")
        return cls(path, content)

    def measure(self, name: str, scope: Scope) -> None:
        """Measure the part called `name`, store its rows, print its table."""
        from recloop.experiments.seeding import seed_everything

        seed_everything(0)
        before, start = load(), time.perf_counter()
        rows = importlib.import_module(f"benchmarks.{name}").measure(scope)
        self.content["parts"][name] = {
            "rows": rows,
            "quick": scope.quick,
            "seconds": round(time.perf_counter() - start),
            "ended": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "load": [before[0], load()[0]],
            "code": code(),
        }
        self._write()
        print(tables.table(SHEETS[name], rows))

    def _write(self) -> None:
        self.content["tables"] = tables.text(self.content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.content, indent=2) + "\n")
