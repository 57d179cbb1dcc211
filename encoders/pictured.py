"""Items that are read and looked at: one vector of a text and of the picture that it names."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.clip import Clip
from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.gate import Gate
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import unit_rows

Fusion = Literal["concatenate", "sum", "gate"]

PICTURE = re.compile(r"\s*<picture ([^<>\n]+) ([0-9a-f]{64})>")
"""What stands for a picture in a text: its path in the folder of pictures, and the SHA-256 of its content."""

_AVERAGED = 256
"""Pictures of the folder, at most, whose mean is the average picture."""

_LEAST = 1e-6
"""What is nearer to the average picture shows nothing of its own."""


@dataclass(frozen=True)
class Pictured:
    """An encoder of texts beside one of pictures: `Alien (1979). Horror. <picture posters/alien.png SHA-256>`.

        i = unit(picture - mean picture),   0 where a text names none
        concatenate: unit((sqrt(1 - w) text, sqrt(w) i))          dim: both together
        sum:         unit((1 - w) text + w i)                     for encoders of equal dim, such as the same CLIP
        gate:        as concatenate, with a w of each item's own, as a learned `Gate` has it from text and i

    A data set's template puts the mark there (`prompts.item.template="{text}[ {picture}]"`), so that an item without
    a picture, a person's profile, or a prompt is read as one of an average picture, and needs no picture to be looked
    at. The mean picture is that of up to 256 in `folder`, the same whatever is read. A text has one vector, since the
    mark holds what is in the file: a file that has changed is refused.

    Args:
        texts: reads what is written.
        pictures: looks at what is shown.
        folder: where pictures are; nothing outside of it is opened.
        fusion: how the two are put together.
        picture_weight: w, from 0 to below 1.
        gate: the folder of the `Gate` that "gate" takes, which `recloop finetune --method gate` writes.
    """

    texts: Encoder
    pictures: Clip
    folder: str
    fusion: Fusion = "concatenate"
    picture_weight: float = 0.5
    gate: str | None = None

    def __post_init__(self) -> None:
        if self.fusion not in get_args(Fusion):
            raise ValueError(f"fusion is {self.fusion!r}; choose one of {', '.join(get_args(Fusion))}")
        if not 0 <= self.picture_weight < 1:
            raise ValueError(f"picture_weight is {self.picture_weight}; give a share from 0 to below 1")
        if (self.gate is None) == (self.fusion == "gate"):
            raise ValueError(
                f"fusion is {self.fusion} and gate is {self.gate!r}; fusion=gate, and it alone, takes the folder that "
                "`recloop finetune --method gate` has written"
            )
        if not Path(self.folder).is_dir():
            raise ValueError(f"folder is {self.folder!r}, which is no folder; give the one where the pictures are")

    @cached_property
    def dim(self) -> int:
        """Length of every vector.

        Raises:
            ValueError: a sum is asked for of vectors of two lengths.
        """
        if self.fusion != "sum":
            return self.texts.dim + self.pictures.dim
        if self.texts.dim != self.pictures.dim:
            raise ValueError(
                f"fusion is sum, of texts of {self.texts.dim} numbers and pictures of {self.pictures.dim}; "
                "concatenate them, or read both with the same Clip"
            )
        return self.texts.dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of both encoders, of how they are put together, and of the pictures that are averaged."""
        gate = {} if self._gate is None else {"gate": [part.tolist() for part in self._gate]}
        return fingerprint(
            encoder="pictured",
            version=1,
            texts=self.texts.fingerprint,
            pictures=self.pictures.fingerprint,
            fusion=self.fusion,
            picture_weight=self.picture_weight,
            averaged=[hashlib.sha256(path.read_bytes()).hexdigest() for path in self._averaged],
            **gate,
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`.

        Raises:
            ValueError: also, a picture is missing, outside of the folder, changed, or cannot be read (names it).
        """
        unique, places = distinct(texts)
        vectors = np.empty((len(unique), self.dim), np.float32)  # [distinct, dim]
        if unique:
            vectors = unit_rows(self._fused(*self.halves(unique)), "text")
        return vectors[places]

    def halves(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is fused: vectors of the texts [n, texts' dim], and i [n, pictures' dim]."""
        read = self.texts.encode([PICTURE.sub("", text) for text in texts])
        return read.astype(np.float64), self._looked_at(texts)

    def _fused(self, read: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.fusion == "sum":
            return (1 - self.picture_weight) * read + self.picture_weight * seen
        weight = self.picture_weight if self._gate is None else self._gate.shares(read, seen)[:, None]
        return np.hstack([np.sqrt(1 - weight) * read, np.sqrt(weight) * seen])

    @cached_property
    def _gate(self) -> Gate | None:
        return None if self.gate is None else Gate.load(Path(self.gate))

    def _looked_at(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Centred unit vectors of the pictures that are named, zeros elsewhere, [n, pictures' dim]."""
        marks = [PICTURE.search(text) for text in texts]
        seen = np.zeros((len(texts), self.pictures.dim))  # [n, pictures' dim]
        shown = [row for row, mark in enumerate(marks) if mark]
        if shown:
            contents = [self._content(*mark.groups()) for mark in marks if mark]
            centred = self.pictures.encode_pictures(contents).astype(np.float64) - self._mean
            lengths = np.linalg.norm(centred, axis=1, keepdims=True)
            seen[shown] = np.where(lengths > _LEAST, centred / np.maximum(lengths, _LEAST), 0)
        return seen

    def _content(self, name: str, promised: str) -> bytes:
        path = (Path(self.folder) / name).resolve()
        if not path.is_relative_to(Path(self.folder).resolve()) or not path.is_file():
            raise ValueError(f"picture {name!r} is no file in {self.folder}; add it, or leave the item without one")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != promised:
            raise ValueError(f"picture {name!r} in {self.folder} has changed since its text was written; read it again")
        return content

    @cached_property
    def _averaged(self) -> list[Path]:
        """Some of the pictures in the folder, which ones depends on their names alone."""
        kinds = {".png", ".jpg", ".jpeg", ".webp"}
        found = [path for path in Path(self.folder).rglob("*") if path.suffix.lower() in kinds and path.is_file()]
        return sorted(found, key=lambda path: hashlib.sha256(path.name.encode()).digest())[:_AVERAGED]

    @cached_property
    def _mean(self) -> NDArray[Any]:
        """The average picture, [pictures' dim]; of a single one nothing would be left, so that there it is 0."""
        if len(self._averaged) < 2:
            return np.zeros(self.pictures.dim)
        vectors = self.pictures.encode_pictures([path.read_bytes() for path in self._averaged])
        return np.asarray(vectors.mean(axis=0, dtype=np.float64))
