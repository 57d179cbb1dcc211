"""Compiled arithmetic against the same in numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.envs import kernels

Rows = NDArray[np.float32]


def rows(n: int, dim: int, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 3, 16, 67])
@pytest.mark.parametrize("n", [1, 2, 33])
def test_the_row_kernels_agree_with_numpy(n: int, dim: int) -> None:
    left, right, base = rows(n, dim, 1), rows(n, dim, 2), rows(n, dim, 3)
    click = (np.arange(n) % 2).astype(np.float32)
    dots = (left * right).sum(axis=1)
    last = np.arange(n)[::-1]  # the vectors are upside down
    np.testing.assert_allclose(kernels.dots(left, right[last], last), dots, atol=1e-4)
    np.testing.assert_allclose(kernels.boredom(left, right[last], last, 0.4), 0.4 * np.maximum(dots, 0), atol=1e-4)
    np.testing.assert_allclose(kernels.fade_and_add(left, right, 0.8, 3.0), 0.8 * left + 0.6 * right, atol=1e-5)
    moved = left + 0.3 * click[:, None] * right + 0.1 * base
    expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    np.testing.assert_allclose(kernels.drift(left, base, click[:, None] * right, 0.3, 0.1), expected, atol=1e-5)


@pytest.mark.parametrize("appeal", [-1e4, -1.0, 0.0, 1.0, 1e4])
def test_the_chance_of_a_click_stays_a_number_however_large_the_appeal(appeal: float) -> None:
    zero = np.zeros(1, np.float32)
    probability = kernels.answer(np.array([appeal], np.float32), zero, zero, zero, 25.0, 0.0)[0][0]
    assert 0 < probability <= 1
    assert probability == pytest.approx(1 / (1 + np.exp(-np.clip(25 * appeal, -60, 60))), rel=1e-5)


def test_a_taste_of_zeros_stays_zeros_instead_of_becoming_nan() -> None:
    nothing = np.zeros((1, 4), np.float32)
    np.testing.assert_array_equal(kernels.drift(nothing, nothing, nothing, 0.1, 0.1), nothing)


def test_new_tastes_agree_with_numpy() -> None:
    tastes, who, noise = rows(5, 7), np.array([3, 0, 3]), rows(3, 7, 1)
    expected = tastes[who] + 0.3 * noise
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(kernels.arrive(tastes, who, noise, 0.3), expected, atol=1e-6)
