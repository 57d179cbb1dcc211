"""Who may import whom: experiments -> agents, encoders, envs; those three never import each other."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "agents": {"agents"},
    "configs": {"configs"},
    "encoders": {"encoders"},
    "envs": {"envs"},
    "experiments": {"agents", "configs", "encoders", "envs", "experiments"},
}
SLOW_TO_IMPORT = {"matplotlib", "numba", "pandas", "pyarrow", "stable_baselines3", "torch", "transformers", "wandb"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """Full names of the modules that the code imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def crossings(folder: str, source: str) -> list[str]:
    """Imports that code in `folder` may not make: of a neighbour, by a bare folder name, or relative."""
    forbidden = []
    for name in imported(source):
        top, *rest = name.split(".")
        own = top == "recloop" and bool(rest)
        if (own and rest[0] not in MAY_IMPORT[folder]) or top in MAY_IMPORT or name.startswith("."):
            forbidden.append(name)
    return forbidden


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_layer_imports_what_is_above_or_beside_it(folder: str) -> None:
    found = {str(path): crossings(folder, path.read_text()) for path in sources(folder)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import recloop.agents.ppo",
        "from recloop import experiments",
        "from recloop.encoders import cache",
        "def f():\n    from recloop.experiments.build import build",
        "import envs",
        "from envs.catalog import Catalog",
        "from . import catalog",
        "from ..agents import ppo",
    ],
)
def test_an_environment_that_reaches_out_is_caught(line: str) -> None:
    assert crossings("envs", line)


@pytest.mark.parametrize("line", ["from recloop.envs.catalog import Catalog", "import numpy as np", "import gymnasium"])
def test_an_environment_may_import_its_own_folder_and_libraries(line: str) -> None:
    assert crossings("envs", line) == []


@pytest.mark.parametrize("source", sources("tests", "benchmarks"), ids=lambda path: path.stem)
def test_tests_and_benchmarks_import_by_the_full_name(source: Path) -> None:
    assert crossings("experiments", source.read_text()) == []


@pytest.mark.parametrize("module", ["recloop.envs", "recloop.experiments.assets", "recloop.experiments.cli"])
def test_importing_what_the_command_line_starts_with_loads_nothing_slow(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({SLOW_TO_IMPORT!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr
