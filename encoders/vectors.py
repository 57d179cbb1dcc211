"""Unit vectors, and the refusal of what cannot become one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.encoder import Vectors


def unit_rows(vectors: NDArray[np.floating[Any]], name: str = "vector") -> Vectors:
    """Scale each row of `vectors` [n, dim] to length 1, as float32; a row's result depends on that row alone.

    Raises:
        ValueError: a row is not finite or has length 0; says which, calling a row `name`.
    """
    refuse_not_finite(vectors, name)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)  # [n, 1]
    if not lengths.all():
        raise ValueError(
            f"{name} {int(np.argmin(lengths))} has length 0, so it points nowhere; look at what it was made of"
        )
    unit: Vectors = (vectors / lengths).astype(np.float32)  # [n, dim]
    return unit


def refuse_not_finite(vectors: NDArray[np.floating[Any]], name: str) -> None:
    """Raise a `ValueError` that names the first row of `vectors` [n, dim] with a NaN or an infinity, if any."""
    finite = np.isfinite(vectors).all(axis=1)  # [n]
    if not finite.all():
        raise ValueError(f"{name} {int(np.argmin(finite))} holds a NaN or an infinity; look at what it was made of")
