"""Prompts read by a language model: each text once, and what that came to."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recloop.agents.policy import Floats
from recloop.experiments.reading import Reader

MOST_TEXTS = 500_000
"""So many vectors are kept, some 300 MB; then those that were read first are forgotten. They can be read again."""


class Counts(NamedTuple):
    """What reading prompts came to: `prompts` is the sum of `repeats`, `hits` and `read`."""

    prompts: int = 0  # texts that were asked for, one a user and step
    repeats: int = 0  # of these, the same text as another user's of the same step
    hits: int = 0  # of these, read at an earlier step
    read: int = 0  # of these, read by the model
    tokens: int | None = 0  # of the texts that were read, without padding; None where the encoder counts none
    seconds: float = 0.0  # that the model took

    @property
    def line(self) -> str:
        """`21,504 prompts, 61 % of them known; 8,387 read: 412,044 tokens in 52 s`."""
        known = (self.repeats + self.hits) / max(self.prompts, 1)
        tokens = "" if self.tokens is None else f"{self.tokens:,} tokens "
        return (
            f"{self.prompts:,} prompts, {known:.0%} of them known; {self.read:,} read: {tokens}in {self.seconds:.1f} s"
        )


def lines(folder: Path, own: Mapping[str, Any] | None) -> list[str]:
    """What reading came to in the run in `folder`, whose manifest says `own`, and in its cells, a line a policy."""
    found: dict[str, list[Counts]] = {"this run": [Counts(**own)]} if own else {}
    for path in sorted((folder / "cells").glob("*/manifest.json")):
        if counted := json.loads(path.read_bytes()).get("reading"):
            found.setdefault(path.parent.name.rpartition("-seed")[0], []).append(Counts(**counted))
    return [f"prompts of {name}: {total(counts).line}" for name, counts in found.items()]


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of several counts; tokens are None where one of them is."""
    columns = dict(zip(Counts._fields, zip(Counts(), *counts, strict=True), strict=True))
    tokens = None if None in columns["tokens"] else sum(columns["tokens"])
    return Counts(**{name: sum(values) for name, values in columns.items() if name != "tokens"}, tokens=tokens)


class Remembering:
    """A reader for prompts: reads each text once a process, all new ones of a step at once; keeps nothing on disk.

    Args:
        reader: whose encoder and projection are used.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader, self.vectors, self.counts = reader, dict[str, Floats](), Counts()

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors [n, dim]."""
        wanted = set(texts)
        new = sorted(wanted - self.vectors.keys())
        hits, repeats = len(wanted) - len(new), len(texts) - len(wanted)
        self.counts = total([self.counts, Counts(len(texts), repeats, hits, *self._read(new))])
        found = np.stack([self.vectors[text] for text in texts])
        while len(self.vectors) > MOST_TEXTS:
            del self.vectors[next(iter(self.vectors))]
        return found

    def _read(self, new: list[str]) -> tuple[int, int | None, float]:
        """Have the texts read; how many, their tokens, and the seconds it took."""
        encoder = self.reader.encoder.encoder
        count = getattr(encoder, "num_tokens", None)
        if not new:
            return 0, 0, 0.0
        start = time.perf_counter()
        read = encoder.encode(new)  # [new, inputs]
        seconds = time.perf_counter() - start
        self.vectors.update(zip(new, self.reader.projection(read), strict=True))
        return len(new), count(new) if count else None, seconds
