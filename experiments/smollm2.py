"""SmolLM2-135M-Instruct as a model folder, made of a file of 4-bit weights that a package carries.

Allal et al., SmolLM2: When Smol Goes Big, 2025. The file is in ggml's format GGUF, version 3, which the package `gguf`
reads: weights in blocks of 32 numbers (Q4_1: a scale, a least value, 4 bits each; embeddings Q8_0), the vocabulary,
the merges. What comes out is float16: weights that had been rounded to 16 steps are rounded again, by a 2,000th.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}

_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "dtype": "float16",
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "hidden_act": "silu",
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100000.0,
    "tie_word_embeddings": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
}
_HEADS = {"attn_q": 9, "attn_k": 3}

_TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 8192,
    "model_input_names": ["input_ids", "attention_mask"],
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "pad_token": "<|im_end|>",
    "unk_token": "<|endoftext|>",
}


def make(unpacked: Mapping[str, Path], folder: Path) -> None:
    """Write config.json, model.safetensors (float16), tokenizer.json and its settings into `folder`.

    Raises:
        UsageError: the package `gguf` is not installed.
    """
    from safetensors.numpy import save

    reader = _reader(next(unpacked["weights"].glob("*.gguf")))
    tensors = {_name(tensor.name): _floats(tensor) for tensor in reader.tensors}
    (folder / "config.json").write_text(json.dumps(_CONFIG, indent=2))
    (folder / "model.safetensors").write_bytes(save(tensors, {"format": "pt"}))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(reader), ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(_TOKENIZER, indent=2))


def _reader(path: Path) -> Any:
    from recloop.experiments.errors import UsageError

    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise UsageError("SmolLM2 comes in the format GGUF; pip install 'recloop[generate]' to read it") from error
    return GGUFReader(path)


def _name(name: str) -> str:
    """`blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight` to transformers."""
    place, _, kind = name.removesuffix(".weight").rpartition(".")
    if not place:
        return f"{_OUTSIDE[kind]}.weight"
    return f"model.layers.{place.removeprefix('blk.')}.{_NAMES[kind]}.weight"


def _floats(tensor: Any) -> NDArray[np.float16]:
    """The numbers of one tensor; queries and keys with the rows of each head in the order of transformers.

    llama.cpp pairs neighbours where it turns a head by position, transformers pairs the halves.
    """
    from gguf import quants

    matrix = quants.dequantize(tensor.data, tensor.tensor_type)
    kind = tensor.name.removesuffix(".weight").rpartition(".")[2]
    if heads := _HEADS.get(kind):
        rows, columns = matrix.shape
        matrix = matrix.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
    return np.ascontiguousarray(matrix, np.float16)


def _tokenizer(reader: Any) -> dict[str, Any]:
    """What the library tokenizers reads: byte pairs, every digit a token of its own."""
    words, kinds, merges = (reader.fields[f"tokenizer.ggml.{name}"].contents() for name in _PARTS)
    marks = [word for word, kind in zip(words, kinds, strict=True) if kind == _MARK]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    split = [{"type": "Digits", "individual_digits": True}, byte_level]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": words.index(mark), "content": mark, **flags} for mark in marks],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": split},
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {word: number for number, word in enumerate(words)},
            "merges": merges,
        },
    }


_PARTS = ("tokens", "token_type", "merges")
_MARK = 3
"""The kind of token that stands for no text: <|im_start|> and the like."""
