"""Weights and training states on disk, as safetensors: a format that holds arrays and cannot hold code."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recloop.encoders.files import write_atomically

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

KEPT = 2
"""Training states that are kept: the latest, and the one before in case the latest is damaged."""

_STATES = "state-*.safetensors"


class State(NamedTuple):
    """Arrays by name, and plain JSON beside them."""

    tensors: dict[str, "torch.Tensor"]
    facts: dict[str, Any]


def save_weights(path: Path, module_state: Mapping[str, "torch.Tensor"]) -> str:
    """Write a module's `state_dict()` and return the SHA-256 of the file: same weights, same hash.

    Tensors that share memory are written once each. The file carries a checksum of what it holds.
    """
    own = {name: tensor.detach().clone() for name, tensor in module_state.items()}  # safetensors refuses shared memory
    return hashlib.sha256(_save(path, State(own, {}))).hexdigest()


def load_weights(path: Path) -> dict[str, "torch.Tensor"]:
    """The tensors of a file that `save_weights` wrote, by name, on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or not one of ours.
    """
    return _load(path).tensors


def weights_hash(path: Path) -> str:
    """SHA-256 of a weights file, as `save_weights` returned it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_state(folder: Path, steps: int, state: State) -> None:
    """Add the training state after `steps` steps to `folder`, and remove all but the latest `KEPT`."""
    _save(folder / f"state-{steps:012d}.safetensors", state)
    for path in sorted(folder.glob(_STATES))[:-KEPT]:
        path.unlink()


def latest_state(folder: Path) -> State | None:
    """The latest sound training state in `folder`; None if there is none. What is damaged is said in the log."""
    for path in sorted(folder.glob(_STATES), reverse=True):
        try:
            return _load(path)
        except ValueError as error:
            log.warning("%s; going back to the state before", error)
    return None


def remove_states(folder: Path) -> None:
    """Training is over: its states are of no more use, and large."""
    for path in folder.glob(_STATES):
        path.unlink()


def _save(path: Path, state: State) -> bytes:
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    facts = json.dumps(state.facts, allow_nan=False)
    sealed = json.dumps({"facts": facts, "sha256": _digest(tensors, facts)})
    data = save(tensors, metadata={"recloop": sealed})  # one entry: safetensors writes several in random order
    write_atomically(path, data)
    return data


def _load(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = path.read_bytes()
    try:
        tensors = load(data)
        sealed = json.loads(_metadata(data)["recloop"])
        if sealed["sha256"] != _digest(tensors, sealed["facts"]):
            raise ValueError("checksum")
        return State(tensors, json.loads(sealed["facts"]))
    except (SafetensorError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: damaged, or no weights of recloop ({reason}); restore it or train again") from error


def _digest(tensors: Mapping[str, "torch.Tensor"], facts: str) -> str:
    """SHA-256 over the facts, and over names, types, shapes and values."""
    import torch

    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _metadata(data: bytes) -> dict[str, str]:
    """The metadata in the header: its length in 8 bytes, then JSON."""
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return metadata
