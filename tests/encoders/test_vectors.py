import numpy as np
import pytest

from recloop.encoders.vectors import unit_rows


def test_three_and_four_become_six_and_eight_tenths() -> None:
    np.testing.assert_allclose(unit_rows(np.array([[3.0, 4.0]])), np.array([[0.6, 0.8]]), atol=1e-7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(bad: float) -> None:
    with pytest.raises(ValueError, match="item 1 holds a NaN or an infinity"):
        unit_rows(np.array([[1.0, 0.0], [bad, 1.0]]), "item")


def test_a_row_of_zeros_is_named() -> None:
    with pytest.raises(ValueError, match="item 2 has length 0"):
        unit_rows(np.array([[1.0], [2.0], [0.0]]), "item")


def test_very_short_and_very_long_rows_have_a_direction() -> None:
    rows = np.array([[1e-30, 0], [0, 1e30]], dtype=np.float32)
    np.testing.assert_array_equal(unit_rows(rows), np.eye(2, dtype=np.float32))
