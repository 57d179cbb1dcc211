"""Weights on disk, as safetensors: a format that holds arrays and cannot hold code."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recloop.encoders.files import write_atomically

if TYPE_CHECKING:
    import torch


def save_weights(path: Path, module_state: Mapping[str, "torch.Tensor"]) -> str:
    """Write a module's `state_dict()` and return the SHA-256 of the file: same weights, same hash.

    Tensors that share memory are written once each. The file carries a checksum of what it holds.
    """
    from safetensors.torch import save

    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module_state.items()}
    data = save(state, metadata={"sha256": _digest(state)})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load_weights(path: Path) -> dict[str, "torch.Tensor"]:
    """The tensors of a file that `save_weights` wrote, by name, on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or not one of ours.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = path.read_bytes()
    try:
        state = load(data)
        if _metadata(data)["sha256"] != _digest(state):
            raise ValueError("checksum")
    except (SafetensorError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: damaged, or no weights of recloop ({reason}); restore it or train again") from error
    return state


def weights_hash(path: Path) -> str:
    """SHA-256 of a weights file, as `save_weights` returned it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(state: Mapping[str, "torch.Tensor"]) -> str:
    """SHA-256 over names, types, shapes and values."""
    from safetensors.torch import save

    return hashlib.sha256(save(dict(state))).hexdigest()


def _metadata(data: bytes) -> dict[str, str]:
    """The metadata in the header: its length in 8 bytes, then JSON."""
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return metadata
