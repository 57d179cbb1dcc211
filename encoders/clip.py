"""Texts and pictures in one space, by a model of two towers that was trained on pictures with their captions."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recloop.encoders import pretrained
from recloop.encoders.encoder import Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import unit_rows

if TYPE_CHECKING:
    import torch

_MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True)
class Clip:
    """A CLIP model: `encode` reads texts, `encode_pictures` pictures, each as a unit vector of the common space.

    A. Radford et al. (2021), Learning Transferable Visual Models From Natural Language Supervision.

    `model` is a folder as `Transformer` takes it, with preprocessor_config.json beside the rest, or a hub name with its
    commit. Texts are cut at `max_tokens`. Texts and pictures are read one by one, so that neither's vector depends on
    its company.
    """

    model: str
    revision: str | None = None
    max_tokens: int = 77
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.max_tokens < 4:
            raise ValueError(f"max_tokens is {self.max_tokens}; at least 4 are needed")
        pretrained.check_name(self._name)

    @cached_property
    def dim(self) -> int:
        """Width of the common space."""
        network = self._loaded[0].network
        return int(network.config.projection_dim)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files and of every setting that changes vectors."""
        files = pretrained.fingerprints(self._folder)
        return fingerprint(encoder="clip", version=1, files=files, max_tokens=self.max_tokens)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`."""
        import torch

        unique, places = distinct(texts)
        tokenizer, network = self._loaded[0]
        rows = np.empty((len(unique), self.dim), np.float32)  # [distinct, dim]
        for row, text in zip(rows, unique, strict=True):
            ids = tokenizer(text, truncation=True, max_length=self.max_tokens, return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                seen = network.text_model(input_ids=ids.to(self.device)).pooler_output  # [1, hidden]
                row[:] = _row(network.text_projection(seen))
        return unit_rows(rows, "text")[places]

    def encode_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        """Give unit vectors [n, dim] of `pictures`: the contents of PNG, JPEG or WebP files.

        Raises:
            ValueError: one is no such file, or has too many pixels (names its index).
        """
        import torch

        (_, network), prepare = self._loaded
        rows = np.empty((len(pictures), self.dim), np.float32)  # [n, dim]
        for index, content in enumerate(pictures):
            pixels = prepare(images=_opened(content, index), return_tensors="pt")["pixel_values"]
            with torch.inference_mode():
                seen = network.vision_model(pixel_values=pixels.to(self.device)).pooler_output  # [1, hidden]
                rows[index] = _row(network.visual_projection(seen))
        return unit_rows(rows, "picture")

    @property
    def _name(self) -> str:
        return self.model if self.revision is None else f"{self.model}@{self.revision}"

    @cached_property
    def _folder(self) -> Path:
        return pretrained.local_folder(self._name)

    @cached_property
    def _loaded(self) -> tuple[pretrained.Pretrained, Any]:
        return pretrained.load_clip(self._folder, self.device)


def _row(vectors: "torch.Tensor") -> Vectors:
    row: Vectors = vectors[0].float().cpu().numpy()
    return row


def _opened(content: bytes, index: int) -> Any:
    """The picture, in red, green and blue; nothing is decoded before its size is known."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is looked at here
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
        if picture.width * picture.height > _MOST_PIXELS:
            raise ValueError(f"it has {picture.width} by {picture.height} pixels, more than {_MOST_PIXELS:,}")
        return picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"picture {index} cannot be read ({error}); give a PNG, JPEG or WebP file") from error
