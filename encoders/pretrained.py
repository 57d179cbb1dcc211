"""Language models in a folder or on the hub, as weights and nothing else: no pickle, no code that comes with them."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from recloop.encoders.fingerprint import file_fingerprint

HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?@[0-9a-f]{40}")
SETTINGS = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "preprocessor_config.json"
)  # fmt: skip
SAFE = {"local_files_only": True, "trust_remote_code": False}


class Pretrained(NamedTuple):
    """A model that is ready to read."""

    tokenizer: Any
    network: Any  # called with input_ids and attention_mask, gives what has a last_hidden_state


def check_name(model: str) -> None:
    """Raise a `ValueError` unless `model` is a complete model folder or `repo@commit`; nothing is loaded or fetched."""
    if Path(model).is_dir():
        check_folder(Path(model))
    elif not HUB_NAME.fullmatch(model):
        raise ValueError(
            f"model {model!r} is no folder here and no pinned hub name; give a folder with config.json, "
            f"model.safetensors and tokenizer.json, or a name with its commit such as org/name@<40 hex digits>"
        )


def check_folder(folder: Path) -> None:
    """Raise a `ValueError` that names what `folder` lacks of a model, or holds beside it."""
    lacking = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    if not any(path.is_file() for path in folder.glob("model*.safetensors")):  # a pipe would hang its reader
        lacking.insert(1, "model.safetensors")
    if lacking == ["model.safetensors"] and (pickled := sorted(folder.glob("pytorch_model*.bin"))):
        raise ValueError(
            f"{folder} holds its weights as a pickle ({pickled[0].name}), which could run code and is never read; "
            f"convert it where you trust it (load it with transformers and save_pretrained), or name another revision"
        )
    if lacking:
        raise ValueError(
            f"{folder} is no model folder: it lacks {', '.join(lacking)}; save the model there with transformers "
            f"(save_pretrained of model and tokenizer), or name another folder"
        )
    if (folder / "adapter_config.json").exists():
        raise ValueError(f"{folder} holds an adapter, which would change the model; merge the two and save that")
    _refuse_other_weights(folder)


def _refuse_other_weights(folder: Path) -> None:
    """Weights in several files are named in an index, which may name pickles, or files elsewhere."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{index} cannot be read ({_first_line(error)}); fetch or save the model again") from error
    for name in named:
        if not isinstance(name, str) or not re.fullmatch(r"model[\w.-]*\.safetensors", name):
            raise ValueError(f"{index} names {str(name)[:80]!r}; weights are model*.safetensors in the same folder")


def local_folder(model: str) -> Path:
    """The folder of `model`, fetched from the hub into its cache if need be."""
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    repo, commit = model.split("@")
    try:
        folder = Path(snapshot_download(repo, revision=commit, allow_patterns=[*SETTINGS, "model*.safetensors*"]))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"model {model!r} cannot be fetched from the hub ({_first_line(error)}); "
            f"check name, commit and network, or give a local folder"
        ) from error
    check_folder(folder)
    return folder


def fingerprints(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that the vectors depend on: weights, tokenizer, configuration."""
    weights = [path for path in folder.glob("model*.safetensors") if path.is_file()]
    files = [*weights, *(folder / name for name in SETTINGS if (folder / name).is_file())]
    return {file.name: file_fingerprint(file) for file in files}


def width(folder: Path, max_tokens: int) -> int:
    """Length of the vectors of the model in `folder`; loads no weights.

    Raises:
        ValueError: transformers does not know the model by itself, or it cannot read `max_tokens`.
    """
    from transformers import AutoConfig

    with _loading(folder):
        config = AutoConfig.from_pretrained(folder, **SAFE)
    most = getattr(config, "max_position_embeddings", max_tokens)
    if max_tokens > most:
        raise ValueError(f"max_tokens is {max_tokens}, but the model in {folder} reads at most {most}; lower it")
    return int(config.hidden_size)


def load(folder: Path, dtype: str, device: str) -> Pretrained:
    """Load the model of `folder` for reading.

    Raises:
        ValueError: the files do not make a whole model that transformers knows by itself.
    """
    return _load("AutoModel", folder, dtype, device)


def load_generator(folder: Path, dtype: str, device: str) -> Pretrained:
    """Load the causal language model of `folder`, with the layer that says which token comes next.

    Raises:
        ValueError: the files do not make a whole model of that kind that transformers knows by itself.
    """
    return _load("AutoModelForCausalLM", folder, dtype, device)


def _load(kind: str, folder: Path, dtype: str, device: str) -> Pretrained:
    import torch
    import transformers

    with _loading(folder), _quiet(), torch.random.fork_rng(devices=[]):  # absent weights are drawn at random
        network, report = getattr(transformers, kind).from_pretrained(
            folder, **SAFE, use_safetensors=True, dtype=getattr(torch, dtype), output_loading_info=True
        )
    _refuse_invented_weights(folder, report["missing_keys"])
    try:
        network.to(device)
    except (RuntimeError, AssertionError) as error:  # of a build without it, or a device that is not there
        raise ValueError(f"device is {device!r}, which cannot be used ({_first_line(error)}); choose cpu") from error
    return Pretrained(load_tokenizer(folder), network.eval())


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of `folder`.

    Raises:
        ValueError: the files do not make one that transformers knows by itself.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # read by tokenizers; it would warn after a fork
    from transformers import AutoTokenizer

    with _loading(folder):
        return AutoTokenizer.from_pretrained(folder, **SAFE)


def load_clip(folder: Path, device: str) -> tuple[Pretrained, Any]:
    """Load the CLIP model of `folder`: its tokenizer and both towers, and what makes its input of pictures.

    Raises:
        ValueError: the files do not make a whole CLIP model.
    """
    from transformers import AutoConfig

    with _loading(folder):
        kind = AutoConfig.from_pretrained(folder, **SAFE).model_type
    if kind != "clip":
        raise ValueError(f"{folder} holds a model of type {kind}, which reads no pictures; name a CLIP model")
    with _loading(folder):
        processor = _picture_processor().from_pretrained(folder, local_files_only=True)
    return load(folder, "float32", device), processor


def _picture_processor() -> Any:
    """The one that works by Pillow, wherever torchvision is installed, lest one picture had two vectors."""
    import transformers

    with _quiet():
        return getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Turn what transformers says of bad files, often over many lines, into one."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, LookupError, ImportError, RuntimeError, SafetensorError) as error:
        raise ValueError(f"{folder} cannot be loaded ({_first_line(error)}); fetch or save the model again") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars, and no tables of absent weights: these are looked at here."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _refuse_invented_weights(folder: Path, absent: set[str]) -> None:
    """transformers draws absent weights at random and goes on; only a pooler, which is not read, may be absent."""
    needed = sorted(name for name in absent if not name.startswith("pooler."))
    if needed:
        raise ValueError(f"{folder} lacks {len(needed)} weights, {needed[0]} among them; fetch or save the model again")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def refuse_unread(texts: Sequence[str], tokens: Sequence[list[int]], name: str) -> None:
    """Refuse texts of which the tokenizer of the model `name` leaves nothing.

    Raises:
        ValueError: naming the first.
    """
    for text, ids in zip(texts, tokens, strict=True):
        if not ids:
            raise ValueError(f"text {text[:40]!r} holds nothing that the tokenizer of {name} knows; reword it")
