from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.encoders.arrays import DamagedFileError, save_arrays
from recloop.encoders.encoder import Vectors
from recloop.encoders.projection import Projection

CROSS = np.array([[7, 5], [3, 5], [5, 6], [5, 4]], dtype=np.float32)  # around (5, 5), twice as wide as high


def cloud(n: int = 200, inputs: int = 24) -> Vectors:
    rng = np.random.default_rng(0)
    return (3 + rng.normal(size=(n, inputs)) * np.linspace(2, 0.5, inputs)).astype(np.float32)


def test_the_first_direction_is_the_widest_and_the_mean_is_removed() -> None:
    projection = Projection.fit(CROSS, dim=1)
    np.testing.assert_allclose(projection.mean, [5, 5])
    np.testing.assert_allclose(projection.components, [[1, 0]], atol=1e-6)
    np.testing.assert_allclose(projection(CROSS[:2]), [[1], [-1]])


def test_without_whitening_a_diagonal_keeps_its_angle() -> None:
    result = Projection.fit(CROSS, dim=2)(np.array([[7, 6]], dtype=np.float32))
    np.testing.assert_allclose(result, [[2 / np.sqrt(5), 1 / np.sqrt(5)]], atol=1e-6)


def test_whitening_makes_both_directions_count_the_same() -> None:
    result = Projection.fit(CROSS, dim=2, whiten=True)(np.array([[7, 6]], dtype=np.float32))
    np.testing.assert_allclose(result, [[np.sqrt(0.5), np.sqrt(0.5)]], atol=1e-6)


def test_whitened_directions_have_variance_one() -> None:
    projection = Projection.fit(cloud(), dim=5, whiten=True)
    np.testing.assert_allclose(((cloud() - projection.mean) @ projection.components.T).std(axis=0), 1, rtol=1e-4)


def test_all_directions_keep_the_centred_cosines() -> None:
    centred = cloud() - cloud().mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    projected = Projection.fit(cloud(), dim=24)(cloud())
    np.testing.assert_allclose(projected @ projected.T, centred @ centred.T, atol=1e-5)


def test_results_are_unit_float32() -> None:
    projected = Projection.fit(cloud(), dim=7)(cloud())
    assert projected.dtype == np.float32
    assert projected.shape == (200, 7)
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), 1, atol=1e-6)


def test_the_sign_does_not_depend_on_the_order_of_the_catalog() -> None:
    straight, turned = (Projection.fit(each, dim=5).components for each in (cloud(), cloud()[::-1].copy()))
    np.testing.assert_allclose(straight, turned, atol=1e-4)


@given(chosen=st.lists(st.integers(0, 199), min_size=1, max_size=70))
def test_a_row_has_the_same_bytes_in_any_company_and_order(chosen: list[int]) -> None:
    projection = Projection.fit(cloud(), dim=7)
    alone = [projection(cloud()[index : index + 1])[0].tobytes() for index in chosen]
    assert [row.tobytes() for row in projection(cloud()[chosen])] == alone


def test_it_comes_back_from_disk_to_the_same_bits(tmp_path: Path) -> None:
    projection = Projection.fit(cloud(), dim=7)
    projection.save(tmp_path / "projection.safetensors")
    loaded = Projection.load(tmp_path / "projection.safetensors")
    assert loaded.fingerprint == projection.fingerprint
    np.testing.assert_array_equal(loaded(cloud()), projection(cloud()))


def test_a_damaged_file_is_never_used(tmp_path: Path) -> None:
    path = tmp_path / "projection.safetensors"
    Projection.fit(cloud(), dim=7).save(path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedFileError, match=r"projection\.safetensors is damaged"):
        Projection.load(path)


def test_another_fit_has_another_fingerprint() -> None:
    prints = {Projection.fit(cloud(), dim, whiten).fingerprint for dim in (3, 4) for whiten in (False, True)}
    assert len(prints) == 4


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="dim is 64, but 60 vectors of 384 numbers differ in at most 59 directions"):
        Projection.fit(cloud(60, 384), dim=64)


@pytest.mark.parametrize("dim", [0, -1, 25])
def test_a_dim_that_cannot_be_is_refused(dim: int) -> None:
    with pytest.raises(ValueError, match=f"dim is {dim}, but"):
        Projection.fit(cloud(), dim=dim)


def test_vectors_that_repeat_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in 2 directions only"):
        Projection.fit(np.repeat(cloud(3), 30, axis=0), dim=5)


def test_a_catalog_with_a_nan_vector_is_refused_with_its_row() -> None:
    vectors = cloud()
    vectors[17, 3] = np.nan
    with pytest.raises(ValueError, match="vector 17 holds a NaN"):
        Projection.fit(vectors)
    with pytest.raises(ValueError, match="vector 17 holds a NaN"):
        Projection.fit(cloud(), dim=5)(vectors)


def test_vectors_of_another_encoder_are_refused() -> None:
    with pytest.raises(ValueError, match="vectors of 12, but the projection was fitted on 24"):
        Projection.fit(cloud(), dim=5)(cloud(inputs=12))


def test_a_vector_with_nothing_left_after_centring_is_named() -> None:
    with pytest.raises(ValueError, match="vector 1 has length 0"):
        Projection.fit(CROSS, dim=2)(np.array([[7, 5], [5, 5]], dtype=np.float32))


@pytest.mark.parametrize("name", ["mean", "vectors"])
def test_a_file_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    save_arrays(tmp_path / "other.safetensors", {name: np.ones(3, np.float32), "components": np.ones(3, np.float32)})
    with pytest.raises(DamagedFileError, match=r"other\.safetensors is damaged \(it holds no projection\)"):
        Projection.load(tmp_path / "other.safetensors")
