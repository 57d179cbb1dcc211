"""From a language model's wide vectors to the few dimensions that a world or an agent works in."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.arrays import DamagedFileError, load_arrays, save_arrays
from recloop.encoders.encoder import Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.vectors import refuse_not_finite, unit_rows


@dataclass(frozen=True, eq=False)
class Projection:
    """Centres vectors, reduces them along principal components, and scales them to length 1.

        y = components (x - mean),    result = y / |y|

    Centring matters most: a language model's vectors share one large direction, and with it every text looks like every
    other. Fit it on the catalog and keep it with what was trained: profiles and new items go through the same one.
    """

    mean: NDArray[np.float32]  # [inputs]
    components: NDArray[np.float32]  # [dim, inputs]

    @classmethod
    def fit(cls, vectors: Vectors, dim: int = 64, whiten: bool = False) -> "Projection":
        """Take the `dim` directions in which `vectors` [n, inputs] differ most, each with its largest entry positive.

        `whiten` gives every direction the same variance over `vectors`, so that minor distinctions count as much as
        major ones.

        Raises:
            ValueError: a vector is not finite, or `vectors` do not differ in `dim` directions.
        """
        refuse_not_finite(vectors, "vector")
        most = min(len(vectors) - 1, vectors.shape[1])
        if not 1 <= dim <= most:
            raise ValueError(
                f"dim is {dim}, but {len(vectors)} vectors of {vectors.shape[1]} numbers differ in at most {most} "
                f"directions; choose a dim from 1 to that, or encode more items"
            )
        mean = vectors.mean(axis=0, dtype=np.float64)  # [inputs]
        components, spread = _principal(vectors - mean, dim)
        scaled = components / spread[:, None] if whiten else components  # [dim, inputs]
        return cls(mean.astype(np.float32), scaled.astype(np.float32))

    @classmethod
    def identity(cls, dim: int) -> "Projection":
        """Leaves vectors of `dim` numbers as they are, but for their length."""
        return cls(np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32))

    def centred_on(self, vectors: Vectors) -> "Projection":
        """The same directions, about the mean of the `vectors` [n, inputs] of another catalog."""
        return Projection(vectors.mean(axis=0, dtype=np.float64).astype(np.float32), self.components)

    @property
    def dim(self) -> int:
        """Length of the vectors that come out."""
        return len(self.components)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all numbers in it."""
        numbers = self.mean.tobytes().hex() + self.components.tobytes().hex()
        return fingerprint(projection=1, shape=str(self.components.shape), numbers=numbers)

    def __call__(self, vectors: Vectors) -> Vectors:
        """Give unit vectors [n, dim] of `vectors` [n, inputs]; a row's result depends on that row alone.

        Raises:
            ValueError: `vectors` are of another width, one is not finite, or one has nothing left after centring.
        """
        if vectors.shape[1] != len(self.mean):
            raise ValueError(
                f"vectors of {vectors.shape[1]}, but the projection was fitted on {len(self.mean)}; use its encoder"
            )
        centred = vectors.astype(np.float64) - self.mean  # [n, inputs]
        # A matrix product would round a row differently with the number of rows; einsum does each row by itself.
        return unit_rows(np.einsum("ni,di->nd", centred, self.components.astype(np.float64)), "projected vector")

    def save(self, path: Path) -> None:
        """Write it to `path`, atomically and with a checksum."""
        save_arrays(path, {"mean": self.mean, "components": self.components})

    @classmethod
    def load(cls, path: Path) -> "Projection":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            DamagedFileError: its content is not what was saved.
        """
        arrays = load_arrays(path)
        kinds = {name: (array.dtype.name, array.ndim) for name, array in arrays.items()}
        if kinds != {"mean": ("float32", 1), "components": ("float32", 2)}:
            raise DamagedFileError(f"{path} is damaged (it holds no projection); fit it again")
        return cls(**arrays)


def _principal(centred: NDArray[np.float64], dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal directions [dim, inputs] of `centred` [n, inputs] and the standard deviation [dim] along each."""
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    rank = int((singular > singular[0] * max(centred.shape) * np.finfo(np.float32).eps).sum())
    if rank < dim:
        raise ValueError(
            f"dim is {dim}, but the vectors differ in {rank} directions only; lower dim or encode more items"
        )
    top = directions[:dim]  # [dim, inputs]
    largest = np.take_along_axis(top, np.abs(top).argmax(axis=1)[:, None], axis=1)  # [dim, 1]
    return top * np.sign(largest), singular[:dim] / np.sqrt(len(centred))
