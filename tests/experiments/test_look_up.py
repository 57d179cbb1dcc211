"""Indexes on disk: built once, noticed when damaged, told in the manifest."""

from pathlib import Path

import numpy as np
import pytest

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.index import Approximate, Exact
from recloop.envs.indexes import HNSW, IVF, Auto, EveryItem
from recloop.experiments.look_up import LookUp, fingerprints


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return Catalog.synthetic(5_000, 16, num_groups=50).vectors


def files(cache: Path) -> list[Path]:
    return [path for path in (cache / "indexes").iterdir() if not path.name.startswith(".") and not path.suffix]


def test_few_items_are_compared_and_nothing_is_written(vectors: Floats, cache: Path) -> None:
    assert isinstance(LookUp(Auto(), 1)(vectors), Exact)
    assert isinstance(LookUp(EveryItem(), 1)(vectors), Exact)
    assert not cache.exists()


@pytest.mark.parametrize("kind", [IVF(), HNSW(build_width=40)], ids=["ivf", "hnsw"])
def test_an_index_is_built_once_and_mapped(
    kind: IVF | HNSW, vectors: Floats, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = LookUp(kind, 1)(vectors)
    monkeypatch.setattr(type(kind), "build", None)
    again = LookUp(kind, 1)
    index = again(vectors)
    assert isinstance(index, Approximate)
    np.testing.assert_array_equal(index.search(vectors[:50], 10)[0], built.search(vectors[:50], 10)[0])
    assert str(files(cache)[0]) in Path("/proc/self/maps").read_text()
    assert again.found[0].facts["recall_at_10"] >= 0.95
    assert index.vectors is vectors


def test_the_same_vectors_are_looked_up_by_the_same_object(vectors: Floats) -> None:
    look_up = LookUp(IVF(), 1)
    assert look_up(vectors) is look_up(vectors)
    assert len(look_up.found) == 1


def test_other_vectors_and_other_settings_have_an_index_of_their_own(vectors: Floats, cache: Path) -> None:
    for kind, items in ((IVF(), vectors), (IVF(seed=1), vectors), (IVF(probes=4), vectors), (IVF(), -vectors)):
        LookUp(kind, 1)(items)
    assert len(files(cache)) == 4


def test_a_damaged_index_is_noticed_and_built_again(
    vectors: Floats, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = LookUp(IVF(), 1)(vectors).search(vectors[:50], 10)[0]
    (path,) = files(cache)
    whole = path.read_bytes()
    path.unlink()  # it is mapped
    path.write_bytes(whole[: len(whole) // 2])
    np.testing.assert_array_equal(LookUp(IVF(), 1)(vectors).search(vectors[:50], 10)[0], before)
    assert "is damaged; making it again" in caplog.text
    assert path.read_bytes() == whole


def test_the_manifest_is_told_of_what_is_not_exact(vectors: Floats) -> None:
    plain = Catalog.synthetic(5_000, 16, num_groups=50)
    assert fingerprints(plain) == {}
    look_up = LookUp(IVF(), 1)
    catalog = Catalog(vectors, *(plain.titles,) * 3, plain.popularity, plain.quality, look_up=look_up)
    told = fingerprints(catalog, catalog, plain)
    assert told["index of 5,000 items"] == look_up.found[0].fingerprint
    assert 0.95 <= float(told["index of 5,000 items, recall@10"]) <= 1
