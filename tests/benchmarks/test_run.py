"""`make bench`, as a user starts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN, DYNAMICS = ROOT / "benchmarks" / "run.py", ROOT / "configs" / "env" / "dynamics"


@pytest.mark.slow
def test_a_quick_benchmark_writes_what_it_measured(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    subprocess.run([sys.executable, RUN, "--quick", "--out", out], check=True, cwd=tmp_path)
    figures = json.loads(out.read_text())
    assert all(row["cpu"] > 0 for row in (*figures["environment"], *figures["parts"]))
    shipped = {path.stem for path in DYNAMICS.glob("*.yaml")} - {"boredom", "drift"}  # which are the default
    assert {f"+ {name}" for name in shipped} == {row["name"] for row in figures["parts"][1:-1]}
    assert [row["agent"] for row in figures["training"]] == ["PPO", "DQN"]
    for shares in figures["profile"].values():
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) > 0
