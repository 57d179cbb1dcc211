"""A student of a slow teacher: a bilinear form on vectors, taught by what the teacher says of a sample of pairs."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.envs.catalog import Floats, Ints, unit
from recloop.envs.interactions import Interactions

Doubles = NDArray[np.float64]

STUDENT = "student.safetensors"
"""Where it lies in its folder: intercept [1], item [dim], pairs [dim, dim], language [32] the digest of the vectors."""

SHARES = (0.01, 0.1, 1.0)
"""What a pair may say against an item alone, likewise. Never nothing, for who is alike in everything has no taste."""

RIDGES = tuple(10.0**power for power in range(-1, 4))
"""Penalties of which the errors on people left out choose one."""


class Lived(NamedTuple):
    """A world as the student sees it: log odds = scale * <taste, vector> + quality."""

    vectors: Floats  # [num_items, rank] unit
    tastes: Floats  # [num_users, rank] unit, zeros for users of whom nothing is known
    quality: Floats  # [num_items]
    scale: float


class Student(NamedTuple):
    """Log odds = intercept + <item, z> + x' pairs z, for the vectors x of a person and z of an item."""

    intercept: float
    item: Doubles  # [dim]
    pairs: Doubles  # [dim, dim]

    def __call__(self, people: Floats, items: Floats) -> Doubles:
        """Log odds [m] for vectors of people and items, [m, dim] each."""
        return np.asarray(self.intercept + ((people @ self.pairs + self.item) * items).sum(axis=1), np.float64)

    def arrays(self, language: Floats) -> dict[str, NDArray[Any]]:
        """What `Taught` reads of a student that was taught on the items' vectors `language`."""
        read = np.frombuffer(bytes.fromhex(digest(language)), np.uint8)
        return {"intercept": np.array([self.intercept]), "item": self.item, "pairs": self.pairs, "language": read}

    @staticmethod
    def fit(people: Floats, items: Floats, log_odds: Doubles, who: Ints) -> "Student":
        """Learn to say what the teacher says: `log_odds` [m] of pairs of vectors [m, dim], of the persons `who` [m].

        How generous a teacher makes each person is no matter of taste: log odds count from the person's mean. A ridge
        regression on z and on all products of an entry of x and one of z, solved by its kernel
        <z, z'> (1 + share * <x, x'>), with the share, of `SHARES`, and the penalty, of `RIDGES`, that make the least
        error on people who are left out one by one.
        """
        means = np.bincount(who, log_odds) / np.maximum(np.bincount(who), 1)
        x, z = np.asarray(people, np.float64), np.asarray(items, np.float64)
        alike, same = x @ x.T, z @ z.T  # [m, m]
        found = [(*_kernel_ridge(same * (1 + share * alike), log_odds - means[who], who), share) for share in SHARES]
        _, weights, share = min(found, key=lambda fit: fit[0])  # [m]
        return Student(float(log_odds.mean()), weights @ z, share * (x * weights[:, None]).T @ z)

    def live(self, people: Floats, items: Floats, rank: int) -> Lived:
        """The world of this student, of vectors [num_users, dim] and [num_items, dim].

        `pairs` is cut to its `rank` largest singular values; tastes and vectors are then of length one, and the scale
        is the one with which their products come nearest to what the student says.
        """
        left, strength, right = np.linalg.svd(self.pairs)
        root = np.sqrt(strength[:rank])
        tastes = unit((people @ (left[:, :rank] * root)).astype(np.float32))
        vectors = unit((items @ (right[:rank].T * root)).astype(np.float32))
        cosines = tastes @ vectors.T  # [num_users, num_items]
        scale = float((cosines * (people @ self.pairs @ items.T)).sum() / max(float((cosines**2).sum()), 1e-12))
        return Lived(vectors, tastes, (self.intercept + items @ self.item).astype(np.float32), scale)


@dataclass(frozen=True)
class Taught:
    """The world of a student that `recloop distil` has written: items, tastes and likes as its teacher has them.

    Args:
        folder: what `recloop distil` has written.
        rank: length of the vectors.
    """

    folder: str
    rank: int = 16

    def __post_init__(self) -> None:
        """Check the range."""
        if self.rank < 1:
            raise ValueError(f"rank is {self.rank}; give a whole number of 1 or more")

    def place(self, language: Floats, logs: Interactions) -> Floats:
        """Where the items lie, [num_items, rank]; `logs` have nothing to say."""
        return self.live(language, language[:1]).vectors

    def live(self, language: Floats, people: Floats) -> Lived:
        """The world, of the items' vectors as they are read, [num_items, dim], and people's in the same space.

        Raises:
            ValueError: there is no student in the folder, it was taught on other vectors, or `rank` exceeds dim.
        """
        student = self._student(language)
        if self.rank > language.shape[1]:
            raise ValueError(f"rank is {self.rank}, but the vectors have {language.shape[1]} numbers; lower it")
        return student.live(people, language, self.rank)

    def answering(self, choice: Any, lived: Lived) -> Any:
        """The choice model with the student's scale.

        Raises:
            ValueError: it has none to set.
        """
        if not {"scale", "offset"} <= set(getattr(choice, "__dataclass_fields__", ())):
            raise ValueError(f"a student knows how likes rise, and {choice!r} has no scale; choose env/choice=click")
        return replace(choice, scale=lived.scale, offset=0.0)

    def _student(self, language: Floats) -> Student:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path = Path(self.folder) / STUDENT
        try:
            arrays = load(path.read_bytes())
            student = Student(float(arrays["intercept"][0]), arrays["item"], arrays["pairs"])
            read = arrays["language"].tobytes().hex()
        except (OSError, SafetensorError, LookupError) as error:
            raise ValueError(f"{path} holds no student ({error}); make one with `recloop distil`") from error
        if read != digest(language):
            raise ValueError(
                f"the student in {self.folder} was taught on other vectors; distil again with this data set, "
                "env.world.encoder and env.world.projection"
            )
        return student


def digest(language: Floats) -> str:
    """SHA-256 of the items' vectors that a student was taught on."""
    return hashlib.sha256(np.ascontiguousarray(language).tobytes()).hexdigest()


def _kernel_ridge(kernel: Doubles, target: Doubles, who: Ints) -> tuple[float, Doubles]:
    """Leave-one-person-out error and weights [m] of a ridge regression with this kernel [m, m]; see `Student.fit`."""
    values, vectors = np.linalg.eigh(kernel)
    turned = vectors.T @ target  # [m]
    people = [np.flatnonzero(who == person) for person in np.unique(who)]

    def solve(ridge: float) -> tuple[float, Doubles]:
        scaled = vectors / (np.maximum(values, 0) + ridge)  # [m, m], of which vectors.T makes the inverse
        weights = scaled @ turned  # [m]
        left_out = [np.linalg.solve(scaled[rows] @ vectors[rows].T, weights[rows]) for rows in people]  # residuals
        return float((np.concatenate(left_out) ** 2).mean()), np.asarray(weights)

    return min((solve(ridge) for ridge in RIDGES), key=lambda solved: solved[0])
