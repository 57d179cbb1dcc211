"""Vectors on disk, so that a text is read by a language model once."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.arrays import DamagedFileError, load_arrays, save_arrays
from recloop.encoders.corpus import Corpus
from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.progress import reading
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import refuse_not_finite

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 600.0
"""Who has waited so long for another process to compute a text's vector computes it as well."""

MANY_TEXTS = 50_000
"""From so many texts on, a list is kept as a whole."""


class Cached:
    """An encoder that keeps the vectors of another in `folder` and asks it only for texts not seen before.

    A vector is filed under the encoder's fingerprint and the SHA-256 of its text, so nothing ever goes stale and
    different encoders share a folder. Each call that meets new texts adds one file,
    `folder/<fingerprint>/<hash of those texts>.safetensors`, complete or absent at any moment. Any number of processes
    may use the folder; those that want the same new texts at once wait for the first instead of computing them again,
    but no longer than `PATIENCE_SECONDS`, should it be asleep; when it dies, its lock is free at once. A damaged file
    is noticed by its checksum, removed, and its texts are computed again.

    A list of `MANY_TEXTS` or more, or one that `recloop encode` has read, is kept as one `Corpus` instead: read in
    shards, which several processes share, and found again in under a second by the hash of the whole list, without a
    look at each text. Its vectors are mapped, read-only, and take no memory of this process, unless the encoder is
    `Rounded`. The same texts in another order are another list.

    `hits` and `misses` count the distinct texts of each call that were found, and that went to the encoder; of a list
    that is kept as a whole, all its texts.
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
            ValueError: as the inner encoder, whose index then counts the texts that are new to the cache; also when it
                gives vectors that are not finite, or not [n, dim]. Nothing of these is kept.
            OSError: the folder cannot be written.
        """
        corpus = None if isinstance(texts, str) else Corpus(self.encoder, texts, self.folder.parent)
        if corpus is not None and (len(texts) >= MANY_TEXTS or corpus.folder.exists()):
            return self._whole(corpus)
        unique, places = distinct(texts)
        wanted = {_key(text): text for text in unique}
        num_computed = self._complete(wanted)
        self.hits += len(wanted) - num_computed
        self.misses += num_computed
        found = [self._vectors[key] for key in wanted]
        return np.array(found, dtype=np.float32).reshape(len(wanted), self.dim)[places]

    def _whole(self, corpus: Corpus) -> Vectors:
        num_computed = 0
        if not corpus.ready:
            with reading(len(corpus.texts) - corpus.num_done()) as advance:
                num_computed = corpus.complete(advance)
        self.hits += len(corpus.texts) - num_computed
        self.misses += num_computed
        return corpus.vectors()

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
                self._remember(path.name, *self._read_file(path))
            except FileNotFoundError:  # another process found it damaged
                continue
            except DamagedFileError as error:
                log.warning("%s; doing so now", error)
                path.unlink(missing_ok=True)

    def _read_file(self, path: Path) -> tuple[NDArray[np.uint8], Vectors]:
        """Keys [n, 32] and vectors [n, dim] of a file."""
        arrays = load_arrays(path)
        kinds = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
        n = arrays["keys"].shape[:1] if "keys" in arrays else ()
        if kinds != {"keys": ("uint8", (*n, 32)), "vectors": ("float32", (*n, self.dim))}:
            raise DamagedFileError(f"{path} is damaged (it holds no vectors of {self.dim}); delete it")
        return arrays["keys"], arrays["vectors"]

    @contextmanager
    def _lock(self, missing: dict[bytes, str]) -> Iterator[None]:
        """Keeps processes that want the same texts apart; one of 256, so that others hardly ever meet.

        It saves work and no more: a file is whole whoever writes it, so nobody needs to wait for ever.
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{_name(missing)[:2]}.lock")
        try:
            lock.acquire(timeout=PATIENCE_SECONDS)
        except Timeout:
            log.warning("%s: held for %g s; reading %d texts beside it", lock.lock_file, PATIENCE_SECONDS, len(missing))
        try:
            yield
        finally:
            lock.release()

    def _compute(self, missing: dict[bytes, str]) -> None:
        if not missing:
            return
        vectors = self._checked(self.encoder.encode(list(missing.values())), len(missing))  # [missing, dim]
        keys = np.frombuffer(b"".join(missing), dtype=np.uint8).reshape(-1, 32)  # [missing, 32]
        name = f"{_name(missing)}.safetensors"
        save_arrays(self.folder / name, {"keys": keys, "vectors": vectors})
        self._remember(name, keys, vectors)

    def _checked(self, vectors: Vectors, n: int) -> Vectors:
        if vectors.shape != (n, self.dim) or vectors.dtype != np.float32:
            raise ValueError(
                f"the encoder gave {vectors.dtype} vectors {list(vectors.shape)} for {n} texts; "
                f"its `encode` should give float32 [{n}, {self.dim}]"
            )
        refuse_not_finite(vectors, "vector")
        return vectors

    def _remember(self, name: str, keys: NDArray[np.uint8], vectors: Vectors) -> None:
        self._vectors.update(zip((key.tobytes() for key in keys), vectors, strict=True))
        self._read.add(name)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _name(missing: dict[bytes, str]) -> str:
    """The same for the same set of texts in any order."""
    return hashlib.sha256(b"".join(sorted(missing))).hexdigest()
