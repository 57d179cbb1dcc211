"""`make bench`, as a user starts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


@pytest.mark.slow
def test_a_quick_benchmark_writes_what_it_measured(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    subprocess.run([sys.executable, RUN, "--quick", "--out", out], check=True, cwd=tmp_path)
    figures = json.loads(out.read_text())
    assert all(row["cpu"] > 0 for row in figures["environment"])
    assert [row["agent"] for row in figures["training"]] == ["PPO", "DQN"]
    for shares in figures["profile"].values():
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) > 0
