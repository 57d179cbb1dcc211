"""Same seed, same bits, in processes that know nothing of each other; another seed, other bits."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.experiments import tiny

BITS = ("checkpoints/final.safetensors", "metrics.jsonl", "episodes.parquet")
"""What must come back: weights, journal, sessions."""


class Runs(NamedTuple):
    """Two runs with the same seed in processes of their own, and one with another seed here."""

    folders: dict[str, Path]
    homes: list[Path]


def hashes(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in BITS}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    base = tmp_path_factory.mktemp("runs")
    (base / "films").mkdir()
    words = ["train", *tiny.PPO, *tiny.settings(tiny.films(base / "films"))]
    homes = {name: base / f"home {name}" for name in ("first", "second")}
    for home in homes.values():
        home.mkdir()
    processes = [
        tiny.start([*words, f"run_dir={base / name}"], home, base / f"cache {name}") for name, home in homes.items()
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECLOOP_CACHE", str(base / "cache"))
        assert tiny.recloop(*words, f"run_dir={base / 'other'}", "seed=1") == 0
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    return Runs({name: base / name for name in (*homes, "other")}, list(homes.values()))


def test_the_same_seed_gives_the_same_bits_in_every_process(runs: Runs) -> None:
    assert hashes(runs.folders["first"]) == hashes(runs.folders["second"])


def test_another_seed_gives_other_weights_journal_and_sessions(runs: Runs) -> None:
    first, other = hashes(runs.folders["first"]), hashes(runs.folders["other"])
    assert [name for name in BITS if first[name] == other[name]] == []


def test_nothing_is_written_to_the_home_folder(runs: Runs) -> None:
    assert [path for home in runs.homes for path in home.rglob("*")] == []
