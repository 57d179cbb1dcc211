"""Folders that look like a language model and bring code, pickles or links: nothing of it runs."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers  # noqa: F401  # before anything listens

from recloop.encoders.transformer import Transformer
from tests.hostile import PAYLOADS, Touch, nothing_fires

Spoil = Callable[[Path, Path], object]
TITLES = ["heat", "return of the jedi"]


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def code(folder: Path, canary: Path) -> str:
    """A module beside the model that makes the canary when it is imported."""
    source = (
        f"open({str(canary)!r}, 'w')\nfrom transformers import BertModel as M, BertConfig as C, BertTokenizer as T\n"
    )
    (folder / "evil.py").write_text(source)
    return "evil"


def own_class(folder: Path, canary: Path) -> None:
    module = code(folder, canary)
    change(folder / "config.json", auto_map={"AutoModel": f"{module}.M", "AutoConfig": f"{module}.C"})


def own_model_type(folder: Path, canary: Path) -> None:
    own_class(folder, canary)
    change(folder / "config.json", model_type="evil")


def own_tokenizer(folder: Path, canary: Path) -> None:
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": [f"{code(folder, canary)}.T", None]})


def code_on_the_hub(folder: Path, canary: Path) -> None:
    change(folder / "config.json", model_type="evil", auto_map={"AutoConfig": "evil/repository--evil.C"})


def kernel_on_the_hub(folder: Path, canary: Path) -> None:
    change(folder / "config.json", _attn_implementation="evil/kernels", attn_implementation="evil/kernels")


def pickled_weights(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(canary)))


def pickle_in_the_index(folder: Path, canary: Path) -> None:
    pickled_weights(folder, canary)
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"")
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "pytorch_model.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def index_that_climbs_out(folder: Path, canary: Path) -> None:
    pickled_weights(folder, canary)
    (folder / "pytorch_model.bin").rename(folder.parent / "outside.bin")
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"")
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "../outside.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def pickled_adapter(folder: Path, canary: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "evil/x"}))
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Touch(canary)))


def another_loader(folder: Path, canary: Path) -> None:
    change(folder / "config.json", quantization_config={"quant_method": "evil", "modules_to_not_convert": None})


def nested_configuration(folder: Path, canary: Path) -> None:
    (folder / "config.json").write_text('{"a":' * 100_000)


def endless_weights(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/dev/zero")


def weights_from_a_pipe(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def chat(folder: Path, canary: Path) -> None:
    template = f"{{{{ cycler.__init__.__globals__.os.system('touch {canary}') }}}}"
    change(folder / "tokenizer_config.json", chat_template=template)


SPOILED: tuple[Spoil, ...] = (
    own_class, own_model_type, own_tokenizer, code_on_the_hub, kernel_on_the_hub, pickled_weights, pickle_in_the_index,
    index_that_climbs_out, pickled_adapter, another_loader, nested_configuration, endless_weights, weights_from_a_pipe,
    chat,
)  # fmt: skip
PASSED_OVER = (own_class, own_tokenizer, another_loader, chat)
"""Not refused: what they bring is not looked at, and the vectors are the model's own."""


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_spoiled_model_is_refused_or_read_without_what_spoils_it(spoil: Spoil, bert_copy: Path) -> None:
    canary = bert_copy.parent / "canary"
    sound = Transformer(str(bert_copy)).encode(TITLES)
    spoil(bert_copy, canary)
    with nothing_fires(canary):
        if spoil in PASSED_OVER:
            np.testing.assert_array_equal(Transformer(str(bert_copy)).encode(TITLES), sound)
            return
        with pytest.raises(ValueError, match=str(bert_copy)) as refused:
            Transformer(str(bert_copy)).encode(TITLES)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("payload", ["pickle", "torch file", "zip bomb", "header that is nested", "zeros", "nothing"])
def test_a_hostile_file_in_a_model_is_refused(payload: str, name: str, bert_copy: Path) -> None:
    canary = bert_copy.parent / "canary"
    (bert_copy / name).write_bytes(PAYLOADS[payload](canary))
    with nothing_fires(canary), pytest.raises(ValueError, match=str(bert_copy)) as refused:
        Transformer(str(bert_copy)).encode(TITLES)
    assert "\n" not in str(refused.value)


def test_a_link_within_a_cache_of_models_is_followed(bert_copy: Path) -> None:
    sound = Transformer(str(bert_copy)).encode(TITLES)
    blob = bert_copy.parent / "blob"
    shutil.move(bert_copy / "model.safetensors", blob)
    (bert_copy / "model.safetensors").symlink_to(blob)
    np.testing.assert_array_equal(Transformer(str(bert_copy)).encode(TITLES), sound)
