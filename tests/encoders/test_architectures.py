"""Models of many makes, tiny and random, each read as its own library reads it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recloop.encoders.transformer import Pooling, Transformer
from tests.encoders.conftest import SPECIAL, WORDS, word_tokenizer

TITLES = ["heat", "alien (1979). space.", "star wars : return of the jedi (1996). action, war, space. who liked it"]
SIZES: dict[str, Any] = {
    "vocab_size": len(SPECIAL) + len(WORDS),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
    "initializer_range": 0.5,
}


def bert_with_a_head() -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(BertConfig(**SIZES))


def xlm_roberta() -> Any:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    return XLMRobertaModel(XLMRobertaConfig(**SIZES | {"max_position_embeddings": 258}, pad_token_id=0))


def modernbert() -> Any:
    from transformers import ModernBertConfig, ModernBertModel

    config = ModernBertConfig(
        **SIZES, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3, local_attention=8
    )
    return ModernBertModel(config)


def qwen3() -> Any:
    from transformers import Qwen3Config, Qwen3Model

    return Qwen3Model(Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=8))


def gpt2_that_generates() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.5}
    return GPT2LMHeadModel(GPT2Config(vocab_size=SIZES["vocab_size"], **sizes))


MODELS: dict[Callable[[], Any], tuple[str, tuple[Pooling, ...]]] = {
    bert_with_a_head: ("bert", ("mean", "cls")),
    xlm_roberta: ("bert", ("mean",)),
    modernbert: ("bert", ("mean", "cls")),
    qwen3: ("gpt2", ("last", "mean")),
    gpt2_that_generates: ("gpt2", ("last", "mean")),
}
"""With the kind of tokenizer, and the poolings that are tried."""


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    make: Callable[[], Any] = request.param
    folder = tmp_path_factory.mktemp(make.__name__)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        make().save_pretrained(folder)
    word_tokenizer(folder, MODELS[make][0])
    return folder


def alone(folder: Path, text: str, pooling: Pooling) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vector of one text, read without padding, straight from transformers."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folder).eval()(input_ids=ids).last_hidden_state[0].numpy()  # [tokens, dim]
    pooled = {"mean": hidden.mean(axis=0), "cls": hidden[0], "last": hidden[-1]}[pooling]
    vector: np.ndarray[Any, np.dtype[np.float32]] = pooled / np.linalg.norm(pooled)
    return vector


CASES = [
    pytest.param(make, pooling, id=f"{make.__name__}-{pooling}")
    for make, (_, poolings) in MODELS.items()
    for pooling in poolings
]


@pytest.mark.parametrize(("folder", "pooling"), CASES, indirect=["folder"])
def test_padding_and_company_change_nothing_of_what_a_model_reads(folder: Path, pooling: Pooling) -> None:
    vectors = Transformer(str(folder), pooling=pooling).encode(TITLES)
    for title, vector in zip(TITLES, vectors, strict=True):
        np.testing.assert_allclose(vector, alone(folder, title, pooling), atol=1e-5)


@pytest.mark.parametrize("folder", [qwen3], indirect=True)
def test_weights_in_bfloat16_are_read_in_the_type_that_is_asked_for(folder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    short = shutil.copytree(folder, tmp_path / "short")
    weights = {name: each.to(torch.bfloat16) for name, each in load_file(short / "model.safetensors").items()}
    save_file(weights, short / "model.safetensors", metadata={"format": "pt"})
    encoder = Transformer(str(short), pooling="last")
    assert next(encoder._loaded.network.parameters()).dtype == torch.float32
    assert (encoder.encode(TITLES) * Transformer(str(folder), pooling="last").encode(TITLES)).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("folder", [xlm_roberta], indirect=True)
def test_absent_weights_of_an_unread_part_leave_the_random_stream_as_it_is(folder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    bare = shutil.copytree(folder, tmp_path / "bare")
    weights = {name: each for name, each in load_file(bare / "model.safetensors").items() if "pooler" not in name}
    save_file(weights, bare / "model.safetensors", metadata={"format": "pt"})
    before = torch.random.get_rng_state()
    vectors = Transformer(str(bare)).encode(TITLES)
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(vectors, Transformer(str(folder)).encode(TITLES))
