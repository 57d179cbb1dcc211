import json
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.transformer import Transformer, _bucket

TITLES = ["heat (1995). action, crime.", "alien", "star wars : return of the jedi (1996). action, war, space."]


def hidden(folder: Path, text: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The last layer [tokens, dim] for one text without any padding, straight from transformers."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    batch = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        states: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (
            AutoModel.from_pretrained(folder)(**batch).last_hidden_state[0].numpy()
        )
    return states


@pytest.mark.parametrize("text", TITLES)
def test_mean_pooling_is_the_mean_over_real_tokens(bert: Path, text: str) -> None:
    mean = hidden(bert, text).mean(axis=0)
    np.testing.assert_allclose(Transformer(str(bert)).encode([text])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_cls_pooling_takes_the_first_token(bert: Path) -> None:
    first = hidden(bert, TITLES[0])[0]
    encoder = Transformer(str(bert), pooling="cls")
    np.testing.assert_allclose(encoder.encode(TITLES)[0], first / np.linalg.norm(first), atol=1e-5)


@pytest.mark.parametrize("text", TITLES)
def test_last_pooling_takes_the_last_real_token_of_a_model_without_a_padding_token(gpt: Path, text: str) -> None:
    last = hidden(gpt, text)[-1]
    encoder = Transformer(str(gpt), pooling="last")
    np.testing.assert_allclose(encoder.encode([text, *TITLES])[0], last / np.linalg.norm(last), atol=1e-5)


def test_the_prefix_is_read_before_the_text(bert: Path) -> None:
    prefixed = Transformer(str(bert), prefix="space : ").encode(["alien"])
    np.testing.assert_array_equal(prefixed, Transformer(str(bert)).encode(["space : alien"]))


def test_texts_are_cut_at_max_tokens(bert: Path) -> None:
    encoder = Transformer(str(bert), max_tokens=5)  # start, three words, end
    one, same, other = encoder.encode(["heat alien fargo", "heat alien fargo casino", "heat alien casino"])
    assert one.tobytes() == same.tobytes() != other.tobytes()


def test_a_text_longer_than_the_largest_bucket_is_read(bert: Path) -> None:
    assert np.isfinite(Transformer(str(bert), max_tokens=50).encode(["heat " * 100])).all()


@pytest.mark.parametrize(
    ("length", "bucket"),
    [(1, 8), (8, 8), (9, 10), (16, 16), (17, 20), (25, 28), (33, 40), (57, 64), (65, 80), (256, 256)],
)
def test_there_are_four_buckets_to_each_doubling(length: int, bucket: int) -> None:
    assert _bucket(length) == bucket


def test_every_batch_of_a_bucket_has_the_same_shape(bert: Path) -> None:
    encoder = Transformer(str(bert), batch_tokens=32)
    shapes: list[tuple[int, ...]] = []
    encoder._loaded.network.register_forward_pre_hook(
        lambda module, args, inputs: shapes.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    encoder.encode(
        [*("heat alien fargo casino star".rsplit(" ", drop)[0] for drop in range(5)), TITLES[2], "heat " * 20]
    )
    assert shapes == [(1, 24), (1, 20), (4, 8), (4, 8)]


def test_a_repeated_text_is_read_once(bert: Path) -> None:
    encoder = Transformer(str(bert), batch_tokens=16)  # one row a batch
    calls: list[int] = []
    encoder._loaded.network.register_forward_hook(lambda module, args, output: calls.append(1))
    encoder.encode(["heat"] * 5)
    assert len(calls) == 1


def test_reduced_precision_stays_close_and_is_a_different_encoder(bert: Path) -> None:
    exact, short = Transformer(str(bert)), Transformer(str(bert), dtype="bfloat16")
    assert short.fingerprint != exact.fingerprint
    vectors = short.encode(TITLES)
    assert vectors.dtype == np.float32
    assert (np.sum(vectors * exact.encode(TITLES), axis=1) > 0.99).all()


def test_construction_loads_no_weights(bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").write_bytes(b"not weights")
    Transformer(str(bert_copy))


@pytest.mark.parametrize(
    "setting",
    [{"pooling": "cls"}, {"max_tokens": 32}, {"dtype": "bfloat16"}, {"prefix": "query: "}, {"batch_tokens": 64}],
    ids=str,
)
def test_every_setting_that_can_change_a_vector_changes_the_fingerprint(bert: Path, setting: dict[str, object]) -> None:
    changed = Transformer(str(bert), **setting)  # type: ignore[arg-type]
    assert changed.fingerprint != Transformer(str(bert)).fingerprint


def test_the_fingerprint_is_the_files_not_their_place(bert: Path, bert_copy: Path) -> None:
    assert Transformer(str(bert_copy)).fingerprint == Transformer(str(bert)).fingerprint


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
def test_another_file_gives_another_fingerprint(bert: Path, bert_copy: Path, name: str) -> None:
    path = bert_copy / name
    path.write_bytes(path.read_bytes() + b" ")
    assert Transformer(str(bert_copy)).fingerprint != Transformer(str(bert)).fingerprint


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_is_no_model_is_refused_at_once_with_what_it_lacks(bert_copy: Path, name: str) -> None:
    (bert_copy / name).unlink()
    with pytest.raises(ValueError, match=f"bert is no model folder: it lacks {name}; ") as error:
        Transformer(str(bert_copy))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("model", ["no/such/folder", "org/name", "org/name@main", "/nowhere"])
def test_a_name_that_is_neither_folder_nor_pinned_is_refused_at_once(model: str) -> None:
    with pytest.raises(ValueError, match="name with its commit"):
        Transformer(model)


def test_an_unreachable_hub_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    encoder = Transformer("org/name", revision="0123456789" * 4)
    with pytest.raises(ValueError, match=r"org/name@0123.* cannot be fetched from the hub .*local folder") as error:
        encoder.encode(["heat"])
    assert "\n" not in str(error.value)


def test_damaged_weights_are_one_line(bert_copy: Path) -> None:
    weights = bert_copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="bert cannot be loaded") as error:
        Transformer(str(bert_copy)).encode(["heat"])
    assert "\n" not in str(error.value)


def test_weights_that_are_absent_are_not_made_up(bert_copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(bert_copy / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, bert_copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights, encoder\.layer\.1\.output\.dense\.weight"):
        Transformer(str(bert_copy)).encode(["heat"])


def test_code_that_comes_with_a_model_is_never_run(bert_copy: Path) -> None:
    config = json.loads((bert_copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (bert_copy / "config.json").write_text(json.dumps(config))
    (bert_copy / "own.py").write_text(f"open({str(bert_copy / 'ran')!r}, 'w')\n")
    with pytest.raises(ValueError, match="cannot be loaded"):
        Transformer(str(bert_copy)).encode(["heat"])
    assert not (bert_copy / "ran").exists()


def test_a_vector_that_is_not_finite_names_its_text(bert_copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(bert_copy / "model.safetensors")
    vocabulary = json.loads((bert_copy / "tokenizer.json").read_text())["model"]["vocab"]
    weights["embeddings.word_embeddings.weight"][vocabulary["alien"]] = np.nan
    save_file(weights, bert_copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="text 2 holds a NaN"):
        Transformer(str(bert_copy)).encode(["heat", "heat", "alien", "fargo"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"pooling": "max"}, "pooling is 'max'; choose one of mean, cls, last"),
        ({"dtype": "int4"}, "dtype is 'int4'; choose one of float32, bfloat16, float16, int8"),
        ({"dtype": "int8"}, "dtype is int8, which ONNX Runtime reads; set runtime to onnx"),
        ({"max_tokens": 3}, "max_tokens is 3"),
        ({"batch_tokens": 0}, "batch_tokens 0"),
        ({"max_tokens": 257}, "max_tokens is 257, but the model .* at most 256; lower it"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused_at_once(bert: Path, setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Transformer(str(bert), **setting).encode(["heat"])  # type: ignore[arg-type]
