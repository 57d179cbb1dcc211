"""What a generator expects, on disk, so that nobody is asked the same thing twice."""

import hashlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.arrays import DamagedFileError, load_arrays, save_arrays
from recloop.encoders.encoder import Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.generator import Generator

log = logging.getLogger(__name__)


class Cost(NamedTuple):
    """What it took to ask, whenever that was."""

    answers: int = 0  # texts for which chances were read off
    tokens: int = 0
    seconds: float = 0.0  # of wall time

    def and_also(self, more: "Cost") -> "Cost":
        """Both together."""
        return Cost(self.answers + more.answers, self.tokens + more.tokens, self.seconds + more.seconds)


class Opinions:
    """Asks `generator` how likely each of `answers` is, and keeps in `folder` what it said.

    Filed under the fingerprint of the model, the answers and the beginning, and there under the SHA-256 of each ending:
    `folder/<fingerprint>/<hash of beginning and answers>.safetensors`. A template is part of the texts that it makes,
    so nothing goes stale. A file is whole or absent; a damaged one is noticed by its checksum and made again. Of two
    processes that ask about one person at once, what the first to finish has learned may have to be asked again.

    `hits` and `misses` count endings; `cost` is what all that has been given so far took, then or now.
    """

    def __init__(self, generator: Generator, answers: Sequence[str], folder: Path | str) -> None:
        self.generator, self.answers = generator, tuple(answers)
        self.folder = Path(folder) / generator.fingerprint
        self.hits = self.misses = 0
        self.cost = Cost()

    def __call__(self, beginning: str, endings: Sequence[str]) -> Vectors:
        """Logarithms of the chances, [n, answers]; see `Generator.expect`.

        Raises:
            ValueError: as `Generator.expect`.
            OSError: the folder cannot be written.
        """
        path = self.folder / f"{fingerprint(beginning=beginning, answers=list(self.answers))}.safetensors"
        known, cost = self._read(path)
        missing = {key: ending for ending in endings if (key := _key(ending)) not in known}
        if missing:
            began = time.perf_counter()
            found = self.generator.expect(beginning, list(missing.values()), self.answers)
            known |= dict(zip(missing, found.log_chances, strict=True))
            spent = time.perf_counter() - began
            cost = cost.and_also(Cost(len(missing), found.tokens, spent))
            self._write(path, known, cost)
        self.hits, self.misses = self.hits + len(set(endings)) - len(missing), self.misses + len(missing)
        self.cost = self.cost.and_also(cost)
        return np.array([known[_key(ending)] for ending in endings], np.float32).reshape(-1, len(self.answers))

    def _read(self, path: Path) -> tuple[dict[bytes, NDArray[np.float32]], Cost]:
        try:
            arrays = load_arrays(path)
        except FileNotFoundError:
            return {}, Cost()
        except DamagedFileError as error:
            log.warning("%s; doing so now", error)
            return {}, Cost()
        answers, tokens, seconds = arrays["cost"].tolist()
        keys = [key.tobytes() for key in arrays["keys"]]
        return dict(zip(keys, arrays["log_chances"], strict=True)), Cost(int(answers), int(tokens), seconds)

    def _write(self, path: Path, known: dict[bytes, NDArray[np.float32]], cost: Cost) -> None:
        keys = np.frombuffer(b"".join(known), np.uint8).reshape(-1, 32)  # [known, 32]
        log_chances = np.array([*known.values()], np.float32)  # [known, answers]
        save_arrays(path, {"keys": keys, "log_chances": log_chances, "cost": np.array(cost, np.float64)})


def _key(ending: str) -> bytes:
    return hashlib.sha256(ending.encode()).digest()
