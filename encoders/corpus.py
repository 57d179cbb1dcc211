"""A long list of texts, read in shards by any number of processes, and its vectors as one file that is mapped."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.files import write_atomically
from recloop.encoders.layout import Layout
from recloop.encoders.progress import silent
from recloop.encoders.rounded import Rounded, unpack
from recloop.encoders.texts import refuse_blank
from recloop.encoders.vectors import refuse_not_finite

SHARD_TEXTS = 4096
"""Read at a time, and lost at most when a process is killed."""

PATIENCE_SECONDS = 600.0
"""Who has waited so long for the shards that others hold reads them as well."""

_LOOK_SECONDS = 0.2


class Corpus:
    """The vectors of `texts`, in `folder/<fingerprint of the encoder>/corpus-<SHA-256 of the list>`.

    `vectors.npy` holds all of them, [n, dim], in the encoder's type: float32, or what `Rounded` keeps. A process claims
    a shard by a lock, which is free at once when it dies, writes its rows, and then the shard's SHA-256 in a file of
    its own: a shard without one is read again, so that a kill at any moment costs the shards under way and no more.
    Processes that write the same shard, one of them having been taken for dead, write the same bytes.

    Damage: `check` compares every shard with its SHA-256, which takes about a second a gigabyte; `ready` does so only
    if `vectors.npy` has been written to since the last time, by its size and its time of change. A bit that tips on the
    disk by itself is found by `check` alone, which `recloop encode` begins with.
    """

    def __init__(self, encoder: Encoder, texts: Sequence[str], folder: Path | str) -> None:
        self.encoder = encoder
        self.texts = texts
        kept = {"float16": "<f2", "bfloat16": "<u2"}[encoder.dtype] if isinstance(encoder, Rounded) else "<f4"
        self.folder = Path(folder) / encoder.fingerprint / f"corpus-{digest(texts)}"
        self.file = Layout(self.folder / "vectors.npy", len(texts), encoder.dim, kept)

    @property
    def ready(self) -> bool:
        """Whether all vectors are there and the file is as it was when it was last checked."""
        if not self.file.is_whole() or self.missing():
            return False
        unchanged = self._stamp().exists() and self._stamp().read_text() == self._state()
        return unchanged or not self.check()

    def missing(self) -> list[int]:
        """The shards that are still to be read."""
        done = {path.stem for path in self.folder.glob("*.json")}
        return [shard for shard in range(-(-len(self.texts) // SHARD_TEXTS)) if _name(shard) not in done]

    def num_done(self) -> int:
        """How many texts have been read."""
        return len(self.texts) - sum(len(self._of(shard)) for shard in self.missing())

    def packed(self) -> NDArray[Any]:
        """All vectors as they are kept, [n, dim], mapped and read-only."""
        return self.file.mapped()

    def vectors(self) -> Vectors:
        """All vectors, float32 [n, dim]: mapped and read-only if they are kept so, else a copy."""
        packed = self.packed()
        if packed.dtype == np.float32:
            return packed
        vectors = np.empty(packed.shape, dtype=np.float32)  # [n, dim]
        for start in range(0, len(packed), SHARD_TEXTS):
            vectors[start : start + SHARD_TEXTS] = unpack(packed[start : start + SHARD_TEXTS])
        return vectors

    def complete(self, advance: Callable[[int], None] = lambda num_texts: None) -> int:
        """Read what is missing, with whoever else does; gives how many texts this process has read.

        `advance` is told of every text that is done from now on, by other processes too.

        Raises:
            ValueError: a text is blank, or the encoder gives what are no vectors of it.
            OSError: the folder cannot be written.
        """
        if not self.file.is_whole():
            self.check()
        num_done, num_read, busy_at = self.num_done(), 0, time.monotonic()
        while missing := self.missing():
            patient = time.monotonic() - busy_at < PATIENCE_SECONDS
            if read := next((read for shard in missing if (read := self._claim(shard, patient))), 0):
                num_read, busy_at = num_read + read, time.monotonic()
            else:
                time.sleep(_LOOK_SECONDS)
            before, num_done = num_done, self.num_done()
            advance(num_done - before)
        self._remember_state()
        return num_read

    def check(self) -> list[int]:
        """Compare every shard that is done with its SHA-256; gives those that differ, which are missing from now on."""
        if not self.file.is_whole():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.file.prepare()
        missing = set(self.missing())
        shards = (shard for shard in range(-(-len(self.texts) // SHARD_TEXTS)) if shard not in missing)
        damaged = [shard for shard in shards if not self._is_sound(shard)]
        for shard in damaged:
            self._record(shard).unlink(missing_ok=True)
        if not missing and not damaged:
            self._remember_state()
        return damaged

    def _claim(self, shard: int, patient: bool) -> int:
        """Read the shard unless another process does; gives how many texts that were."""
        with self._lock(shard) as mine:
            if (not mine and patient) or self._record(shard).exists():
                return 0
            self._read(shard)
        return len(self._of(shard))

    @contextmanager
    def _lock(self, shard: int) -> Iterator[bool]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{_name(shard)}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _read(self, shard: int) -> None:
        rows = self._of(shard)
        texts = list(self.texts[rows.start : rows.stop])
        refuse_blank(texts, rows.start)
        with silent():
            packed = self.encoder.packed(texts) if isinstance(self.encoder, Rounded) else self.encoder.encode(texts)
        if packed.shape != (len(rows), self.file.dim) or packed.dtype != self.file.dtype:
            raise ValueError(f"the encoder gave {packed.dtype} vectors {list(packed.shape)} for {len(rows)} texts")
        refuse_not_finite(packed, f"of the texts from {rows.start} on, vector")
        self.file.write(rows.start, packed)
        record = {"texts": [rows.start, rows.stop], "sha256": _checksum(packed)}
        write_atomically(self._record(shard), json.dumps(record).encode())

    def _is_sound(self, shard: int) -> bool:
        rows = self._of(shard)
        try:
            promised = json.loads(self._record(shard).read_bytes())["sha256"]
        except (OSError, ValueError, LookupError, TypeError):
            return False
        return bool(promised == _checksum(self.packed()[rows.start : rows.stop]))

    def _of(self, shard: int) -> range:
        return range(shard * SHARD_TEXTS, min((shard + 1) * SHARD_TEXTS, len(self.texts)))

    def _record(self, shard: int) -> Path:
        return self.folder / f"{_name(shard)}.json"

    def _stamp(self) -> Path:
        return self.folder / "checked"

    def _state(self) -> str:
        status = os.stat(self.file.path)  # noqa: PTH116  # of the file, as it is now
        return f"{status.st_size} {status.st_mtime_ns}"

    def _remember_state(self) -> None:
        write_atomically(self._stamp(), self._state().encode())


def digest(texts: Sequence[str]) -> str:
    """SHA-256 of the list: of the lengths of its texts, then of the texts."""
    lengths = np.fromiter(map(len, texts), dtype="<i8", count=len(texts))  # [n]
    hashed = hashlib.sha256(lengths.tobytes())
    hashed.update("".join(texts).encode())
    return hashed.hexdigest()


def _name(shard: int) -> str:
    return f"{shard:06}"


def _checksum(packed: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(packed).data).hexdigest()
