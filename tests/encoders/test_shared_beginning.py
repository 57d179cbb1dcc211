"""Many texts after one beginning, in networks of many makes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from recloop.encoders.shared_beginning import batches, read, remember

BEGINNING = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4]
TEXTS = [[7, 2, 9], [11], [5, 40, 17, 8, 8, 21, 30], [7, 2, 10]]
SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.5,
}
OLD: dict[str, Any] = {"vocab_size": 64, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 256}


def made(kind: str, **settings: Any) -> Any:
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**settings)
    return transformers.AutoModelForCausalLM.from_config(config).eval()  # type: ignore[no-untyped-call]


def whole(network: Any, text: list[int]) -> torch.Tensor:
    """Logits of what comes after the whole text, [vocabulary]."""
    logits: torch.Tensor = network(input_ids=torch.tensor([BEGINNING + text])).logits[0, -1]
    return logits


MAKES: dict[str, Callable[[], Any]] = {
    "llama": lambda: made("Llama", **SIZES),
    "one key for all heads": lambda: made("Llama", **SIZES | {"num_key_value_heads": 1}),
    "gpt2, which counts its positions": lambda: made("GPT2", **OLD, initializer_range=0.5),
    "gemma2, whose scores and logits are capped": lambda: made(
        "Gemma2", **SIZES, head_dim=8, attn_logit_softcapping=2.0, final_logit_softcapping=0.5
    ),
    "granite, whose logits are scaled": lambda: made("Granite", **SIZES, logits_scaling=8.0, attention_multiplier=0.3),
    "opt": lambda: made("OPT", **{**SIZES, "ffn_dim": 48, "word_embed_proj_dim": 32}),
    "phi": lambda: made("Phi", **SIZES),
    "mistral, whose window is wider": lambda: made("Mistral", **SIZES, sliding_window=64),
    "qwen3": lambda: made("Qwen3", **SIZES, head_dim=8),
}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES.keys())
@torch.inference_mode()
def test_texts_after_a_shared_beginning_are_read_as_whole_texts_are(make: Callable[[], Any]) -> None:
    network = make()
    expected = torch.stack([whole(network, text) for text in TEXTS])
    torch.testing.assert_close(read(network, remember(network, BEGINNING), TEXTS, 24), expected, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_network_attends_as_before_when_all_is_read() -> None:
    network = MAKES["llama"]()
    before = whole(network, TEXTS[0])
    read(network, remember(network, BEGINNING), TEXTS, 24)
    torch.testing.assert_close(whole(network, TEXTS[0]), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: made("Mistral", **SIZES, sliding_window=8), "the latest 8 tokens alone"),
        (lambda: made("Bloom", vocab_size=64, hidden_size=32, n_layer=2, n_head=4), "type bloom computes attention in"),
    ],
)
@torch.inference_mode()
def test_attention_in_which_no_beginning_can_be_shared_is_refused(make: Callable[[], Any], message: str) -> None:
    network = make()
    with pytest.raises(ValueError, match=message):
        read(network, remember(network, BEGINNING), TEXTS, 24)


def test_as_many_texts_are_read_together_as_there_is_room_for() -> None:
    assert list(batches([[0] * length for length in (10, 20, 40, 14, 3, 8)], 32)) == [[0, 1], [3, 4, 5], [2]]


def test_a_text_that_is_longer_than_a_batch_is_a_batch_of_its_own_width() -> None:
    assert list(batches([[0] * 90, [0] * 7, [0] * 70], 32)) == [[1], [0], [2]]
    assert list(batches([], 32)) == []
