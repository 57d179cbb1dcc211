"""The folders, the wheel and the import names say the same thing."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[1]
FOLDERS = ("agents", "configs", "encoders", "envs", "experiments")
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())


def shipped_files() -> set[str]:
    """Every file that users need, by its path inside the wheel."""
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return {f"recloop/{p.relative_to(ROOT)}" for p in files if p.is_file() and "__pycache__" not in p.parts}


def normal(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(*groups: str) -> set[str]:
    """Names of the packages in `dependencies` or in extras."""
    tables = {"dependencies": SETUP["project"]["dependencies"], **SETUP["project"]["optional-dependencies"]}
    names = {normal(re.split(r"[<>=!~;\[ ]", line)[0]) for group in groups for line in tables[group]}
    return names - {"recloop"}  # its own extras


def libraries_of(source: Path) -> set[str]:
    """Top-level names that a module imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(source.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    from_ = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain | from_}


def targets(node: object) -> Iterator[str]:
    """Every `_target_` in a config, however deep."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield node["_target_"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from targets(child)


def test_every_package_on_disk_is_listed() -> None:
    on_disk = {name.removesuffix("/__init__.py").replace("/", ".") for name in shipped_files() if "__init__" in name}
    assert on_disk == set(SETUP["tool"]["setuptools"]["packages"])


def test_every_folder_that_holds_python_is_a_package() -> None:
    holding = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert not [folder for folder in holding if not (folder / "__init__.py").exists()]


def test_every_folder_says_that_it_is_typed() -> None:
    assert not [folder for folder in FOLDERS if not (ROOT / folder / "py.typed").exists()]


@pytest.mark.parametrize("config", sorted((ROOT / "configs").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_target_of_a_config_can_be_imported(config: Path) -> None:
    for target in targets(OmegaConf.to_container(OmegaConf.load(config))):
        get_object(target)


def test_targets_are_found_at_any_depth() -> None:
    tree = {"_target_": "a.B", "inner": [{"_target_": "c.D", "leaf": {"_target_": "e.F"}}]}
    assert list(targets(tree)) == ["a.B", "c.D", "e.F"]


def test_every_dependency_has_an_exact_version_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line and not line.startswith("#")}
    assert required("dependencies", "dev", "launchers", "ray", "sweep") <= pinned


def test_every_library_that_the_code_imports_is_a_dependency() -> None:
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    libraries = set().union(*map(libraries_of, sources)) - sys.stdlib_module_names - {"recloop"}
    packages = packages_distributions()
    of_library = {library: {normal(name) for name in packages.get(library, [library])} for library in libraries}
    extras = set(SETUP["project"]["optional-dependencies"]) - {"dev"}
    assert not [library for library, names in of_library.items() if not names & required("dependencies", *extras)]


@pytest.mark.slow
def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    for name in (*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "."], cwd=tmp_path, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert shipped_files() <= set(wheel.namelist())
