"""What is nearest, by hand, and the contract of every index."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies

from recloop.envs.catalog import Catalog, Floats, unit
from recloop.envs.index import Approximate, Exact, Index, recall
from recloop.envs.indexes import HNSW, IVF, Auto, EveryItem

KINDS = {"ivf": IVF(), "hnsw": HNSW()}
PLANE = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], np.float32)


def built(kind: Any, vectors: Floats) -> Index:
    return Approximate(vectors, kind.ready(kind.build(vectors)))


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return Catalog.synthetic(5_000, 16, num_groups=50).vectors


@pytest.fixture(scope="module", params=["exact", *KINDS])
def index(request: pytest.FixtureRequest, vectors: Floats) -> Index:
    return Exact(vectors) if request.param == "exact" else built(KINDS[request.param], vectors)


def test_the_nearest_come_first_with_their_scores() -> None:
    items, scores = Exact(PLANE).search(np.array([[1, 0], [0, 2]], np.float32), 3)
    assert items.tolist() == [[0, 2, 1], [1, 2, 0]]
    np.testing.assert_allclose(scores, [[1, 0.6, 0], [2, 1.6, 0]], rtol=1e-6)


def test_of_equal_scores_the_lower_item_comes_first() -> None:
    alike = np.repeat(PLANE[:1], 5, axis=0)
    assert Exact(alike).search(PLANE[:1], 5)[0].tolist() == [[0, 1, 2, 3, 4]]


def test_an_item_is_nearest_to_itself(index: Index, vectors: Floats) -> None:
    rows = np.arange(0, 5_000, 97)
    assert (index.search(vectors[rows], 1)[0][:, 0] == rows).mean() > 0.98


def test_every_index_gives_items_int64_and_scores_float32_of_different_items(index: Index, vectors: Floats) -> None:
    items, scores = index.search(vectors[:7], 20)
    assert items.shape == scores.shape == (7, 20)
    assert items.dtype == np.int64
    assert scores.dtype == np.float32
    assert all(len(set(row)) == 20 for row in items.tolist())
    assert (np.diff(scores, axis=1) <= 0).all()


def test_a_query_has_the_same_answer_in_any_company(index: Index, vectors: Floats) -> None:
    queries = unit(vectors[:40] + vectors[40:80])
    items, scores = index.search(queries, 10)
    alone = [index.search(query[None], 10) for query in queries]
    np.testing.assert_array_equal(items, np.concatenate([one[0] for one in alone]))
    np.testing.assert_array_equal(scores, np.concatenate([one[1] for one in alone]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_finds_at_least_95_of_100(kind: str, vectors: Floats) -> None:
    assert recall(built(KINDS[kind], vectors), vectors) >= 0.95


def test_the_recall_of_looking_at_every_item_is_1(vectors: Floats) -> None:
    assert recall(Exact(vectors), vectors) > 0.999  # both items of a pair score alike, and one may come tenth


@pytest.mark.parametrize("kind", KINDS)
def test_two_builds_answer_alike(kind: str, vectors: Floats) -> None:
    one, other = (built(KINDS[kind], vectors).search(vectors[:50], 10)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_where_few_lists_hold_too_few_items_all_are_compared(vectors: Floats) -> None:
    index = built(IVF(lists=500, probes=1), vectors)
    items, _ = index.search(vectors[:5], 300)
    np.testing.assert_array_equal(items, Exact(vectors).search(vectors[:5], 300)[0])


@given(strategies.integers(1, 30), strategies.integers(1, 8), strategies.integers(0, 1000))
def test_exact_search_is_a_sort_of_all_scores(num_items: int, dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, queries = (rng.standard_normal((n, dim)).astype(np.float32) for n in (num_items, 3))
    _, scores = Exact(vectors).search(queries, num_items)
    np.testing.assert_allclose(scores, -np.sort(-(queries @ vectors.T), axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", [0, 5])
def test_more_or_fewer_items_than_there_are_cannot_be_asked_for(k: int) -> None:
    with pytest.raises(ValueError, match=f"{k} items are asked for, but there are 4; ask for 1 to that many"):
        Exact(PLANE).search(PLANE, k)


def test_queries_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("queries are [1, 3]; the item vectors have 2 numbers")):
        Exact(PLANE).search(np.zeros((1, 3), np.float32), 1)


def test_a_catalog_compares_every_item_unless_it_is_told_otherwise(plane: Catalog) -> None:
    assert plane.nearest(np.array([[0, 1]], np.float32), 2).tolist() == [[1, 2]]


def test_each_space_and_each_offer_of_a_catalog_is_looked_up_by_itself(plane: Catalog) -> None:
    asked: list[Floats] = []

    def look_up(vectors: Floats) -> Exact:
        asked.append(vectors)
        return Exact(vectors)

    whole = replace(plane, look_up=look_up)
    fewer, other = whole.offering(np.array([2, 0])), whole.seen_through(-plane.vectors)
    assert fewer.nearest(PLANE[:1], 2).tolist() == [[1, 0]]
    assert other.index is other.index
    assert [len(vectors) for vectors in asked] == [2, 3]


def test_few_items_are_all_compared_and_many_are_looked_up() -> None:
    auto = Auto(exact_below=1000, large=HNSW())
    assert auto.chosen(999) is None
    assert auto.chosen(1000) == HNSW()
    assert EveryItem().chosen(10**9) is None
    assert IVF().chosen(10) == IVF()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: IVF(probes=0), "probes is 0"),
        (lambda: IVF(lists=0), "lists is 0"),
        (lambda: HNSW(links=0), "links is 0"),
        (lambda: Auto(exact_below=0), "exact_below is 0"),
    ],
)
def test_numbers_below_1_are_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"{words}; give a whole number of 1 or more"):
        make()


def test_without_faiss_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, vectors: Floats) -> None:
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'recloop[scale]', or choose env/index=exact")):
        IVF().build(vectors)


def test_a_gpu_that_is_not_there_is_refused(vectors: Floats) -> None:
    kind = IVF(gpu=True)
    with pytest.raises(ValueError, match="this faiss finds no GPU"):
        kind.ready(kind.build(vectors))
