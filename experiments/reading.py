"""Texts read by an encoder and brought into the space that a world or an agent works in."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from recloop.agents.policy import Floats
from recloop.encoders.cache import Cached
from recloop.encoders.controls import OneHot, Shuffled
from recloop.encoders.encoder import Encoder
from recloop.encoders.files import cache_folder
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.given import Given
from recloop.encoders.projection import Projection
from recloop.experiments.errors import UsageError
from recloop.experiments.store import mapped


@contextmanager
def blaming(key: str) -> Iterator[None]:
    """Say of what goes wrong in the block that it comes from `key` of the configuration.

    Raises:
        UsageError: for a value that is refused and for a cache folder that cannot be written.
    """
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{key}: {error}") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(
            f"{key}: cannot keep vectors in {cache_folder()}: {reason}; free some room there, or set RECLOOP_CACHE to "
            "a folder that has room and that you may write"
        ) from error


@dataclass(frozen=True, eq=False)
class Reader:
    """A language model and the projection fitted on the catalog: from texts to unit vectors [n, dim]."""

    encoder: Cached
    projection: Projection
    items: Floats  # [num_items, dim] the catalog, read
    key: str  # of the encoder in the configuration

    @staticmethod
    def of(
        model: Encoder,
        dim: int | None,
        whiten: bool,
        texts: Sequence[str],
        key: str,
        fitted: Projection | None = None,
        *,
        recentre: bool = False,
    ) -> "Reader":
        """Read the catalog's texts with `model`; vectors are kept in the cache folder.

        The projection is `fitted` if it was before, on this catalog or another; `recentre` moves it to the mean of this
        one, for texts of another kind share another direction. Without `dim` vectors stay as they are.

        Raises:
            UsageError: naming `key`, when the model cannot read a text or the cache folder cannot be written.
        """
        with blaming(key):
            folder = cache_folder() / "vectors"
            cached = Cached(_knowing(model, texts, folder), folder)
            raw = cached.encode(texts) if not isinstance(model, Given) else _held(model)
            projection = fitted or _fitted(raw, dim, whiten)
            if recentre:
                projection = projection.centred_on(raw)
            if isinstance(model, Given):
                return Reader(cached, projection, _projected(model, projection), key)
            return Reader(cached, projection, projection(raw), key)

    @property
    def reads(self) -> bool:
        """Whether it can read other texts: not where the items bring their vectors."""
        return not isinstance(self.encoder.encoder, Given)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors of other texts in the same space."""
        with blaming(self.key):
            return self.projection(self.encoder.encode(texts))


def _knowing(model: Encoder, texts: Sequence[str], folder: Path) -> Encoder:
    """The encoder; a control is told the catalog's texts. What is shuffled are vectors that the cache may have."""
    if isinstance(model, Shuffled):
        return replace(model, encoder=Cached(model.encoder, folder)).over(texts)
    return model.over(texts) if isinstance(model, OneHot) else model


def _fitted(raw: Floats, dim: int | None, whiten: bool) -> Projection:
    return Projection.identity(raw.shape[1]) if dim is None else Projection.fit(raw, dim, whiten)


def _held(model: Given) -> Floats:
    if model.vectors is None:
        raise ValueError("the items of this data set bring no vectors; choose an encoder that reads, such as minilm")
    return model.vectors


def _projected(model: Given, projection: Projection) -> Floats:
    """The vectors of `model` themselves where nothing is done to them, else an array that is mapped as they are."""
    raw = _held(model)
    if projection.fingerprint == Projection.identity(model.dim).fingerprint:
        return raw
    return mapped(fingerprint(given=model.fingerprint, projection=projection.fingerprint), lambda: projection(raw))
