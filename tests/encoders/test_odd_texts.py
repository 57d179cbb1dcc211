"""What people really send: no language, pictures, other directions, far too much, or nothing."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.cache import Cached
from recloop.encoders.centred import Centred
from recloop.encoders.encoder import Encoder
from recloop.encoders.hashing import Hashing
from recloop.encoders.prompts import HistoryPrompt, ProfilePrompt
from recloop.encoders.transformer import Transformer

ODD = {
    "no language": "xqzv kjhwq 0x3f ;;;; %%%%",
    "digits": "4815162342",
    "marks": "?!?!...",
    "emoji": "\U0001f3ac\U0001f37f \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "flag": "\U0001f1eb\U0001f1f7",
    "right to left": "\u202e\u0623\u0631\u064a\u062f \u0641\u064a\u0644\u0645\u0627 \u05e1\u05e8\u05d8\u202c",
    "accents without end": "a" + "\u0301" * 500,
    "nothing that is seen": "\u200b\u2060",
    "null": "heat\0alien",
    "markup": "[CLS] <s> </s> [PAD] {title} <picture a b>",
    "100,000 characters": "I liked heat and alien. " * 4200,
    "one word of 100,000 letters": "a" * 100_000,
}
ENCODERS: dict[str, Callable[[Path, Path], Encoder]] = {
    "bert": lambda bert, gpt: Transformer(str(bert), max_tokens=64),
    "gpt": lambda bert, gpt: Transformer(str(gpt), pooling="last", max_tokens=64),
    "hashing": lambda bert, gpt: Hashing(dim=32),
    "centred": lambda bert, gpt: Centred(Hashing(dim=32), {"latin": ["heat", "alien", "a star", "war"]}),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_an_odd_text_has_a_vector_as_any_other(name: str, bert: Path, gpt: Path, tmp_path: Path) -> None:
    encoder = Cached(ENCODERS[name](bert, gpt), tmp_path)
    texts = [text for text in ODD.values() if name == "bert" or text != ODD["nothing that is seen"]]
    vectors = encoder.encode([*texts, "heat"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode([texts[0], "alien"])[0].tobytes() == vectors[0].tobytes()


def test_a_text_of_which_a_tokenizer_leaves_nothing_is_named(gpt: Path) -> None:
    with pytest.raises(ValueError, match=r"holds nothing that the tokenizer of .* knows; reword it"):
        Transformer(str(gpt), pooling="last").encode(["heat", ODD["nothing that is seen"]])


@pytest.mark.parametrize("half", ["\ud83c", "heat \udf7f"])
@pytest.mark.parametrize("name", ENCODERS)
def test_half_a_character_is_named_with_its_place(name: str, half: str, bert: Path, gpt: Path) -> None:
    with pytest.raises(ValueError, match=r"text 1 holds half of a character, .*; decode it as UTF-8 again"):
        ENCODERS[name](bert, gpt).encode(["heat", half])


def test_an_empty_history_is_a_stranger_s_or_a_profile_s() -> None:
    write = HistoryPrompt()
    assert write("", [], []) == "Somebody of whom nothing is known yet."
    assert write("A writer.", [], []) == "A writer."


def test_a_long_profile_and_braces_in_it_are_no_template() -> None:
    said = ProfilePrompt("A person: {about}.")({"about": "{age.__class__} [x] " * 5000})
    assert said.count("{age.__class__}") == 5000


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin"])
def test_weights_as_a_pickle_are_told_from_none(bert_copy: Path, name: str) -> None:
    shutil.move(bert_copy / "model.safetensors", bert_copy / name)
    with pytest.raises(
        ValueError, match=rf"holds its weights as a pickle \({name}\), which could run code and is never"
    ):
        Transformer(str(bert_copy))


def test_a_model_of_a_kind_that_transformers_does_not_know_is_one_line(bert_copy: Path) -> None:
    config = json.loads((bert_copy / "config.json").read_text())
    (bert_copy / "config.json").write_text(json.dumps(config | {"model_type": "bert-of-2040"}))
    with pytest.raises(ValueError, match="bert cannot be loaded") as refused:
        Transformer(str(bert_copy)).encode(["heat"])
    assert "\n" not in str(refused.value)


def test_a_device_that_is_not_there_is_one_line(bert: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("may have a graphics processor")
    with pytest.raises(ValueError, match="device is 'cuda:7', which cannot be used") as refused:
        Transformer(str(bert), device="cuda:7").encode(["heat"])
    assert "\n" not in str(refused.value)
