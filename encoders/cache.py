"""Vectors on disk, so that a text is read by a language model once."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.arrays import DamagedFileError, load_arrays, save_arrays
from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.texts import distinct

if TYPE_CHECKING:
    from filelock import BaseFileLock

log = logging.getLogger(__name__)


class Cached:
    """An encoder that keeps the vectors of another in `folder` and asks it only for texts not seen before.

    A vector is filed under the encoder's fingerprint and the SHA-256 of its text, so nothing ever goes stale and
    different encoders share a folder. Each call that meets new texts adds one file,
    `folder/<fingerprint>/<hash of those texts>.safetensors`, complete or absent at any moment. Any number of processes
    may use the folder; those that want the same new texts at once wait for the first instead of computing them again. A
    damaged file is noticed by its checksum, removed, and its texts are computed again.

    `hits` and `misses` count the distinct texts of each call that were found, and that went to the encoder.
    """

    def __init__(self, encoder: Encoder, folder: Path | str) -> None:
        self.encoder = encoder
        self.folder = Path(folder) / encoder.fingerprint
        self.hits = 0
        self.misses = 0
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        self._read: set[str] = set()

    @property
    def dim(self) -> int:
        """Length of every vector, the inner encoder's."""
        return self.encoder.dim

    @property
    def fingerprint(self) -> str:
        """The inner encoder's: the vectors are the same."""
        return self.encoder.fingerprint

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`.

        Raises:
            ValueError: as the inner encoder, whose index then counts the texts that are new to the cache.
            OSError: the folder cannot be written.
        """
        unique, places = distinct(texts)
        wanted = {_key(text): text for text in unique}
        num_computed = self._complete(wanted)
        self.hits += len(wanted) - num_computed
        self.misses += num_computed
        found = [self._vectors[key] for key in wanted]
        return np.array(found, dtype=np.float32).reshape(len(wanted), self.dim)[places]

    def _complete(self, wanted: dict[bytes, str]) -> int:
        """Bring the vectors of all wanted texts into memory; give how many of them had to be computed."""
        missing = self._missing(wanted)
        if not missing:
            return 0
        with self._lock(missing):
            missing = self._missing(missing)  # the process that held the lock may have computed them
            self._compute(missing)
        return len(missing)

    def _missing(self, wanted: dict[bytes, str]) -> dict[bytes, str]:
        if wanted.keys() - self._vectors.keys():
            self._read_new_files()
        return {key: text for key, text in wanted.items() if key not in self._vectors}

    def _read_new_files(self) -> None:
        for path in self.folder.glob("*.safetensors"):
            if path.name in self._read:
                continue
            try:
                self._remember(path.name, **load_arrays(path))
            except FileNotFoundError:  # another process found it damaged
                continue
            except DamagedFileError as error:
                log.warning("%s; doing so now", error)
                path.unlink(missing_ok=True)

    def _lock(self, missing: dict[bytes, str]) -> "BaseFileLock":
        """Keeps processes that want the same texts apart; one of 256, so that others hardly ever meet."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / f"{_name(missing)[:2]}.lock")

    def _compute(self, missing: dict[bytes, str]) -> None:
        if not missing:
            return
        vectors = self.encoder.encode(list(missing.values()))  # [missing, dim]
        keys = np.frombuffer(b"".join(missing), dtype=np.uint8).reshape(-1, 32)  # [missing, 32]
        name = f"{_name(missing)}.safetensors"
        save_arrays(self.folder / name, {"keys": keys, "vectors": vectors})
        self._remember(name, keys, vectors)

    def _remember(self, name: str, keys: NDArray[np.uint8], vectors: Vectors) -> None:
        self._vectors.update(zip((key.tobytes() for key in keys), vectors, strict=True))
        self._read.add(name)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _name(missing: dict[bytes, str]) -> str:
    """The same for the same set of texts in any order."""
    return hashlib.sha256(b"".join(sorted(missing))).hexdigest()
