"""Which of very many items to look at more closely."""

from pathlib import Path

import numpy as np
import pytest

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.shortlist import Shortlist


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return Catalog.synthetic(20_000, 16).vectors


@pytest.fixture(scope="module")
def queries(vectors: Floats) -> Floats:
    return vectors[:100] + vectors[100:200]  # [100, dim]


def test_nearly_all_of_the_best_ten_are_among_those_found(vectors: Floats, queries: Floats) -> None:
    best = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = Shortlist.of(vectors)(queries, 500)
    assert np.mean([np.isin(*each).mean() for each in zip(best, found, strict=True)]) > 0.95


def test_the_same_vectors_make_the_same_shortlist(vectors: Floats, queries: Floats) -> None:
    first, second = (Shortlist.of(vectors)(queries, 50) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_is_written_finds_the_same(vectors: Floats, queries: Floats, tmp_path: Path) -> None:
    shortlist = Shortlist.of(vectors)
    shortlist.save(tmp_path / "shortlist")
    np.testing.assert_array_equal(Shortlist.load(tmp_path / "shortlist")(queries, 50), shortlist(queries, 50))


def test_what_is_found_for_one_query_does_not_depend_on_the_others(vectors: Floats, queries: Floats) -> None:
    shortlist = Shortlist.of(vectors)
    together = shortlist(queries, 50)
    for row in range(0, 100, 10):
        assert set(shortlist(queries[row : row + 1], 50)[0]) == set(together[row])
