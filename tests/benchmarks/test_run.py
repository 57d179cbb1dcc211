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
    parts = {name: part["rows"] for name, part in json.loads(out.read_text())["parts"].items()}
    assert all(row["cpu"] > 0 for row in (*parts["environment"], *parts["dynamics"]))
    shipped = {path.stem for path in DYNAMICS.glob("*.yaml")} - {"boredom", "drift"}  # which are the default
    assert {f"+ {name}" for name in shipped} == {row["name"] for row in parts["dynamics"][1:-1]}
    assert [row["name"] for row in parts["training"]] == ["PPO", "DQN"]
    for agent in ("PPO", "DQN"):
        shares = [row[agent] for row in parts["shares"]]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) > 0


@pytest.mark.slow
def test_parts_measured_later_join_the_same_file(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    for part in ("environment", "dynamics", "environment"):
        subprocess.run([sys.executable, RUN, "--quick", "--only", part, "--out", out], check=True, cwd=tmp_path)
    assert list(json.loads(out.read_text())["parts"]) == ["environment", "dynamics"]


def test_an_unknown_part_is_refused_with_those_that_there_are() -> None:
    made = subprocess.run([sys.executable, RUN, "--only", "peeers"], capture_output=True, text=True, check=False)
    assert made.returncode == 2
    assert "no part is called 'peeers'; there are environment, " in made.stderr
