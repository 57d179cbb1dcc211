"""200 flipped bits and 50 cuts for every kind of file: what is damaged is refused by its name, and never used."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console

from recloop.encoders.arrays import load_arrays
from recloop.encoders.cache import Cached
from recloop.encoders.hashing import Hashing
from recloop.encoders.projection import Projection
from recloop.envs.datasets.movielens import MovieLens
from recloop.envs.datasets.own import Own
from recloop.experiments import assets
from recloop.experiments.asset_table import Asset, File
from recloop.experiments.assets import ensure
from recloop.experiments.checkpoints import State, latest_state, load_weights, save_state, save_weights
from recloop.experiments.errors import UsageError
from recloop.experiments.journal import Journal, read_journal
from recloop.experiments.sessions import Curve, Played, Sessions, load_sessions, save_sessions
from recloop.experiments.wheels import sha256
from tests.experiments import tiny

FLIPS, CUTS = 200, 50
RNG = np.random.default_rng(0)


def damaged(sound: bytes) -> Iterator[bytes]:
    """The file with one bit flipped anywhere, 200 times, and cut anywhere, 50 times, at its ends as well."""
    rng = random.Random(0)
    for place in [0, len(sound) - 1, *(rng.randrange(len(sound)) for _ in range(FLIPS - 2))]:
        yield sound[:place] + bytes([sound[place] ^ 1 << rng.randrange(8)]) + sound[place + 1 :]
    for length in [0, len(sound) - 1, *(rng.randrange(len(sound)) for _ in range(CUTS - 2))]:
        yield sound[:length]


class Kind(NamedTuple):
    """A kind of file: how it is written, and how it is read; a reader raises, or gives what can be compared."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    name: str


def weights() -> dict[str, torch.Tensor]:
    return {"w": torch.arange(12.0).reshape(3, 4), "steps": torch.tensor([7]), "flags": torch.ones(3, dtype=torch.bool)}


def vectors(path: Path) -> None:
    """The one file of a cache of five texts, at `path`."""
    Cached(Hashing(dim=8), path.parent / "cache").encode([f"film {number}" for number in range(5)])
    next((path.parent / "cache").rglob("*.safetensors")).replace(path)


def sessions(path: Path) -> None:
    """Two seeds of an agent and a baseline."""
    users, items = np.arange(6, dtype=np.int32), RNG.integers(0, 30, (6, 5)).astype(np.int32)
    clicks = RNG.integers(0, 2, (6, 5)).astype(np.float32)
    one = Sessions(users, items, clicks, clicks / np.float32(3))
    curve = Curve(np.array([0, 64], np.int32), np.array([1.5, 2.5], np.float32))
    save_sessions(path, [Played("random", "-", False, (one,)), Played("PPO", "observed", True, (one, one), (curve,))])


def read_state(path: Path) -> State:
    """As a run that is resumed reads it: the latest state that is sound, of which there is one."""
    state = latest_state(path.parent)
    if state is None:
        raise ValueError(f"{path}: no sound state")
    return state


def journal(path: Path) -> None:
    with_rows = Journal(path)
    for step in range(5):
        with_rows.write({"steps": step, "train/loss": step / 3, "note": "Paris, 1995"})
    with_rows.close()


KINDS = {
    "weights": Kind(lambda path: save_weights(path, weights()), load_weights, "final.safetensors"),
    "training state": Kind(
        lambda path: save_state(path.parent, 64, State(weights(), {"journal": 12, "rng": [1, 2]})),
        read_state,
        "state-000000000064.safetensors",
    ),
    "vector cache": Kind(vectors, load_arrays, "1f.safetensors"),
    "projection": Kind(
        lambda path: Projection.fit(RNG.standard_normal((9, 6)).astype(np.float32), 3).save(path),
        lambda path: Projection.load(path),
        "projection.safetensors",
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_damage_is_refused_by_the_file_s_name(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    kind.write(path)
    kind.read(path)
    for number, data in enumerate(damaged(path.read_bytes())):
        path.write_bytes(data)
        with pytest.raises((ValueError, UsageError), match=kind.name) as refused:
            print(f"damage {number} gave {kind.read(path)}")
        assert "\n" not in str(refused.value)


def test_sessions_are_refused_or_the_same_to_the_last_bit(tmp_path: Path) -> None:
    """What parquet itself wrote beside them, statistics for instance, is not read."""
    path, copy = tmp_path / "episodes.parquet", tmp_path / "copy.parquet"
    sessions(path)
    sound = path.read_bytes()
    reasons = []
    for data in damaged(sound):
        path.write_bytes(data)
        reasons.append(reason(lambda: save_sessions(copy, load_sessions(path))))
        assert reasons[-1] or copy.read_bytes() == sound
    assert set(reasons) == {"", f"{path}: not a whole file of sessions; evaluate the run again"}
    assert all(reasons[-CUTS:])


def test_a_journal_with_a_flipped_bit_is_refused_and_a_last_row_without_its_end_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "metrics.jsonl"
    journal(path)
    for data in list(damaged(path.read_bytes()))[:FLIPS]:
        path.write_bytes(data)
        caplog.clear()
        refusal = reason(lambda: read_journal(path))
        assert refusal.startswith(f"{path}: line ") or f"{path}: line 5 is torn" in caplog.text


def test_a_journal_that_was_cut_is_refused_by_who_knows_its_length(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    journal(path)
    sound = path.read_bytes()
    for data in list(damaged(sound))[-CUTS:]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"metrics\.jsonl: its first {len(sound)} bytes are no whole rows"):
            Journal(path, len(sound))
        assert path.read_bytes() == data


@pytest.mark.parametrize("kind", tiny.HEADS)
def test_data_of_an_asset_are_fetched_again(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetching(*_: object) -> Path:
        raise UsageError("fetching")

    monkeypatch.setattr(assets, "download", fetching)
    folder = tmp_path / "assets" / "films-abababababab"
    folder.mkdir(parents=True)
    files = {path.name: File(path.stat().st_size, sha256(path)) for path in tiny.films(folder).iterdir()}
    asset = Asset("films", "films", "none", "films==1", File(1, "ab" * 32), "films/", files)
    assert ensure(asset, tmp_path, Console(quiet=True)) == folder
    sound = {name: (folder / name).read_bytes() for name in files}
    for data in damaged(sound[f"ml-100k.{kind}"]):
        folder.mkdir(exist_ok=True)  # a damaged asset is removed before it is fetched
        for name in files:
            (folder / name).write_bytes(data if name == f"ml-100k.{kind}" else sound[name])
        with pytest.raises(UsageError, match="fetching"):
            ensure(asset, tmp_path, Console(quiet=True))


@pytest.mark.parametrize("kind", tiny.HEADS)
def test_data_of_one_s_own_are_refused_or_have_another_fingerprint(kind: str, tmp_path: Path) -> None:
    data_set = MovieLens(str(tiny.films(tmp_path)))
    fingerprint = data_set.read().fingerprint
    path = tmp_path / f"ml-100k.{kind}"
    for data in damaged(path.read_bytes()):
        path.write_bytes(data)
        refusal = reason(data_set.read)
        assert str(tmp_path) in refusal if refusal else data_set.read().fingerprint != fingerprint
        assert "\n" not in refusal


def own(folder: Path) -> Own:
    """Three items in Parquet and four interactions in CSV."""
    pq.write_table(pa.table({"id": [1, 2, 3], "title": ["Heat", "Alien", "Fargo"]}), folder / "items.parquet")
    (folder / "interactions.csv").write_text("user,item,rating,time\na,1,5,2024-05-01\nb,3,1,7\na,2,3,8\nb,1,4,9\n")
    return Own(str(folder))


@pytest.mark.parametrize("name", ["items.parquet", "interactions.csv"])
def test_a_folder_of_one_s_own_is_refused_or_has_another_fingerprint(name: str, tmp_path: Path) -> None:
    data_set, path = own(tmp_path), tmp_path / name
    fingerprint = data_set.read().fingerprint
    for data in damaged(path.read_bytes()):
        path.write_bytes(data)
        refusal = reason(data_set.read)
        assert str(tmp_path) in refusal if refusal else data_set.read().fingerprint != fingerprint
        assert "\n" not in refusal


def reason(attempt: Callable[[], object]) -> str:
    """Why it was refused; empty if it was not."""
    try:
        attempt()
    except (ValueError, UsageError) as error:
        return str(error)
    return ""
