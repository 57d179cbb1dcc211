"""What can be recommended, and what is refused at the door."""

import numpy as np
import pytest

from recloop.envs.catalog import Catalog, unit
from tests.envs.conftest import VECTORS, catalog


def test_unit_scales_each_row_to_length_one_and_leaves_zeros() -> None:
    scaled = unit(np.array([[3, 4], [0, 0]], np.float32))
    np.testing.assert_allclose(scaled, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)
    assert scaled.dtype == np.float32


def test_a_catalog_knows_its_size(plane: Catalog) -> None:
    assert (plane.num_items, plane.dim) == (3, 2)


def test_seen_through_changes_the_vectors_and_nothing_else(plane: Catalog) -> None:
    other = plane.seen_through(VECTORS[::-1].copy())
    np.testing.assert_array_equal(other.vectors, VECTORS[::-1])
    assert other.titles is plane.titles
    assert other.quality is plane.quality


@pytest.mark.parametrize("name", ["titles", "texts", "groups", "popularity", "quality"])
def test_a_column_of_another_length_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"2 {name} for 3 item vectors"):
        catalog(**{name: getattr(catalog(), name)[:2]})


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_item_without_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"item 1 \('B'\) has no text"):
        catalog(texts=["a film", text, "a film"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["vectors", "popularity", "quality"])
def test_a_value_that_is_not_finite_is_refused_by_item_and_column(name: str, value: float) -> None:
    column = getattr(catalog(), name).copy()
    column[2] = value
    with pytest.raises(ValueError, match=rf"item 2 \('C'\) has a non-finite value in {name}"):
        catalog(**{name: column})


def test_a_vector_that_is_not_of_length_one_is_refused_with_its_length() -> None:
    with pytest.raises(ValueError, match=r"item 1 \('B'\) has a vector of length 2"):
        catalog(VECTORS * np.array([[1], [2], [1]], np.float32))


def test_a_synthetic_catalog_is_the_same_for_a_seed_and_another_for_another() -> None:
    first, twin, other = (Catalog.synthetic(seed=seed).vectors for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, twin)
    assert not np.array_equal(first, other)


def test_a_synthetic_catalog_has_shares_that_sum_to_one() -> None:
    assert Catalog.synthetic(num_items=50).popularity.sum() == pytest.approx(1, abs=1e-5)
