"""Texts read by a language model of the transformers library."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from recloop.encoders import exported, pretrained
from recloop.encoders.encoder import Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.progress import reading
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import unit_rows

if TYPE_CHECKING:
    import torch

Pooling = Literal["mean", "cls", "last"]
Dtype = Literal["float32", "bfloat16", "float16", "int8"]
Runtime = Literal["torch", "onnx"]
PADDING_RULE = "right, quarter-octave buckets from 8, rows repeated to a fixed number"


@dataclass(frozen=True)
class Transformer:
    """Reads texts with a pretrained transformer and pools its last layer into one unit vector a text.

    `model` is a folder (config.json, model.safetensors, tokenizer.json) or a hub name with its commit, `org/name@<40
    hex digits>`; the commit may also be given as `revision`. Weights load at the first `encode`; a name or folder that
    cannot be right is refused at construction. Weights are safetensors only and a model's own code is never run.

    `pooling`: "mean" over tokens (sentence-transformers), "cls" the first token (BERT-like), "last" the last token
    (GPT-like: the only one that has seen the whole text). `prefix` is put before every text ("query: " for e5). Texts
    are cut at `max_tokens`.

    `runtime`: "torch", or "onnx" for ONNX Runtime, whose vectors differ in the last digits (below 1e-5) and which needs
    the extra `onnx`; it reads float32 on the processor. The first `encode` exports the model, in half a minute, for
    all later ones. Which is quicker depends on the processor: `make bench ARGS="--only encoding"` says it.

    `dtype`: "bfloat16" and "float16" are quicker only where the processor multiplies them. "int8", of ONNX Runtime,
    rounds weights and activations to 8 bits and is another, worse encoder: docs/encoders.md says how many neighbours
    change. It scales activations by the largest of a batch, so that texts are read one by one.

    One text, one vector: arithmetic in floating point may round differently with the shape of a batch (measured: eager
    attention in bfloat16). So a text is padded to the length of its bucket, 16, 20, 24, 28, 32, 40, ... tokens, and a
    bucket is always read in batches of the same number of rows, `batch_tokens` // bucket, the last one filled up by
    repeating rows. A call for one text thus costs `batch_tokens` tokens; on a GPU, raise it. It is part of the
    fingerprint.
    """

    model: str
    revision: str | None = None
    pooling: Pooling = "mean"
    max_tokens: int = 256
    dtype: Dtype = "float32"
    device: str = "cpu"
    batch_tokens: int = 256
    prefix: str = ""
    runtime: Runtime = "torch"

    def __post_init__(self) -> None:
        _one_of("pooling", self.pooling, get_args(Pooling))
        _one_of("dtype", self.dtype, get_args(Dtype))
        _one_of("runtime", self.runtime, get_args(Runtime))
        if self.runtime == "onnx" and (self.dtype not in exported.DTYPES or self.device != "cpu"):
            raise ValueError(
                f"runtime is onnx, dtype {self.dtype}, device {self.device}; it reads float32 and int8 on cpu, torch "
                "the others"
            )
        if self.runtime == "torch" and self.dtype == "int8":
            raise ValueError("dtype is int8, which ONNX Runtime reads; set runtime to onnx, or choose another dtype")
        if self.max_tokens < 4 or self.batch_tokens < 1:
            raise ValueError(
                f"max_tokens is {self.max_tokens}, batch_tokens {self.batch_tokens}; at least 4 and 1 are needed"
            )
        pretrained.check_name(self._name)

    @cached_property
    def dim(self) -> int:
        """Width of the model's last layer."""
        return pretrained.width(self._folder, self.max_tokens)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files and of every setting that changes vectors, which the device should not."""
        other_runtime = {} if self.runtime == "torch" else {"runtime": self.runtime}
        return fingerprint(
            encoder="transformer",
            version=1,
            files=pretrained.fingerprints(self._folder),
            pooling=self.pooling,
            max_tokens=self.max_tokens,
            dtype=self.dtype,
            prefix=self.prefix,
            padding=PADDING_RULE,
            batch_tokens=self.batch_tokens,
            **other_runtime,
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`.

        Raises:
            ValueError: a text is blank, holds no token or gets a vector that is not finite (names its index), or the
                model cannot be fetched or loaded.
        """
        unique, places = distinct(texts)
        pooled = np.empty((len(unique), self.dim), dtype=np.float32)  # [distinct, dim]
        if not unique:
            return pooled
        tokens = self._tokens(unique)
        with reading(len(unique)) as advance:
            for bucket, members in self._batches([len(each) for each in tokens]):
                pooled[members] = self._read(bucket, [tokens[member] for member in members])
                advance(len(members))
        return unit_rows(pooled[places], "text")

    def to_learn(self) -> tuple[Path, pretrained.Pretrained]:
        """The model's folder and a copy of the model, in float32, for whoever teaches it more."""
        return self._folder, pretrained.load(self._folder, "float32", self.device)

    def num_tokens(self, texts: Sequence[str]) -> int:
        """Tokens that `encode` reads of `texts`, each of them once, without padding."""
        return sum(map(len, self._tokens(list(texts))))

    @property
    def _name(self) -> str:
        return self.model if self.revision is None else f"{self.model}@{self.revision}"

    @cached_property
    def _folder(self) -> Path:
        return pretrained.local_folder(self._name)

    @cached_property
    def _loaded(self) -> pretrained.Pretrained:
        if self.runtime == "onnx":
            return exported.load(self._folder, self.dtype)
        return pretrained.load(self._folder, self.dtype, self.device)

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        prefixed = [self.prefix + text for text in texts]
        read = self._loaded.tokenizer(prefixed, truncation=True, max_length=self.max_tokens)
        tokens: list[list[int]] = read["input_ids"]
        pretrained.refuse_unread(texts, tokens, self._name)
        return tokens

    def _batches(self, lengths: list[int]) -> Iterator[tuple[int, list[int]]]:
        """Give buckets, longest first, with the texts of each batch; their rows are filled up when they are read."""
        buckets: dict[int, list[int]] = defaultdict(list)
        for text, length in enumerate(lengths):
            buckets[min(_bucket(length), self.max_tokens)].append(text)
        for bucket, members in sorted(buckets.items(), reverse=True):
            rows = self._rows(bucket)
            yield from ((bucket, members[start : start + rows]) for start in range(0, len(members), rows))

    def _rows(self, bucket: int) -> int:
        return 1 if self.dtype == "int8" else max(1, self.batch_tokens // bucket)

    def _read(self, bucket: int, tokens: list[list[int]]) -> Vectors:
        """Pooled vectors [len(tokens), dim] of one batch."""
        import torch

        tokenizer, network = self._loaded
        rows = [tokens[row % len(tokens)] for row in range(self._rows(bucket))]
        ids = np.full((len(rows), bucket), tokenizer.pad_token_id or 0)  # [rows, bucket]
        mask = np.zeros_like(ids)  # [rows, bucket]; what is padded is masked, so models without a pad token need none
        for row, own in enumerate(rows):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        seen = torch.from_numpy(mask).to(self.device)
        with torch.inference_mode():
            hidden = network(input_ids=torch.from_numpy(ids).to(self.device), attention_mask=seen).last_hidden_state
            pooled: Vectors = pool(hidden.float(), seen, self.pooling)[: len(tokens)].cpu().numpy()
        return pooled


def _bucket(length: int) -> int:
    """The first of 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, ... that holds `length` tokens: four to each doubling."""
    step = 1 << max(1, (length - 1).bit_length() - 3)
    return max(8, -(-length // step) * step)


def pool(hidden: "torch.Tensor", seen: "torch.Tensor", pooling: Pooling) -> "torch.Tensor":
    """One vector a row [rows, dim] of `hidden` [rows, bucket, dim], where `seen` [rows, bucket] is 1 on real tokens."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[range(len(hidden)), seen.sum(dim=1) - 1]
    weights = seen[:, :, None].float()  # [rows, bucket, 1]
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(allowed)}")
