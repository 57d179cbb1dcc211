"""Files that a stranger might send: what runs code when it is unpickled, what fills memory, what hides where it leads.

Each payload is a function of the canary, a file that comes to be when the payload fires.
"""

import io
import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

Payload = Callable[[Path], bytes]

SECRET = "canary-of-the-environment"
"""Value of the environment variable `RECLOOP_CANARY`."""

_FIRED = {
    "pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect",
    "webbrowser.open",
}  # fmt: skip
_events: list[str] | None = None


class Touch:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.canary,)


@contextmanager
def nothing_fires(canary: Path) -> Iterator[None]:
    """Within the block nothing is unpickled, started, fetched or touched."""
    global _events
    _events = []
    try:
        yield
        assert _events == []
        assert not canary.exists()
    finally:
        _events = None


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if _events is not None and event in _FIRED:
        _events.append(f"{event} {arguments}")


sys.addaudithook(_listen)


def torched(content: Any, **how: Any) -> bytes:
    """What `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    """A zip of members, names with `__` for dots and `_up_` for parent folders."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_up_", "../").replace("__", "."), content)
    return buffer.getvalue()


def saved(write: Callable[..., object], content: Any) -> bytes:
    """What `numpy.save` and `numpy.savez` write."""
    buffer = io.BytesIO()
    write(buffer, content)
    return buffer.getvalue()


def headed(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with that header, which may lie about its length."""
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def tensors(**entries: Any) -> bytes:
    """A safetensors file whose header says `entries`."""
    return headed(json.dumps(entries).encode(), bytes(16))


def tensor(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    """An entry of such a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


PAYLOADS: dict[str, Payload] = {
    "pickle": lambda canary: pickle.dumps(Touch(canary)),
    "pickle in text": lambda canary: b"cos\nsystem\n(S'touch %s'\ntR." % str(canary).encode(),
    "torch file": lambda canary: torched({"w": Touch(canary)}),
    "old torch file": lambda canary: torched({"w": Touch(canary)}, _use_new_zipfile_serialization=False),
    "npy of objects": lambda canary: saved(np.save, np.array([Touch(canary)])),
    "npz of objects": lambda canary: saved(np.savez, np.array([Touch(canary)])),
    "zip of stable-baselines3": lambda canary: zipped(
        data=json.dumps({"policy": {":type:": "x", ":serialized:": "gASVK"}}).encode(),
        policy__pth=torched({"w": Touch(canary)}),
    ),
    "zip that climbs out": lambda canary: zipped(_up__up__up_canary=b"", data=b"{}"),
    "zip bomb": lambda canary: zipped(data=bytes(50_000_000)),
    "yaml with python": lambda canary: b"!!python/object/apply:os.system ['touch %s']" % str(canary).encode(),
    "json with a target": lambda canary: json.dumps({"_target_": "os.system", "command": f"touch {canary}"}).encode(),
    "script": lambda canary: f"#!/bin/sh\ntouch {canary}\n".encode(),
    "nothing": lambda canary: b"",
    "zeros": lambda canary: bytes(1_000_000),
    "header without an end": lambda canary: headed(b"{}", length=2**63 - 1),
    "header longer than the file": lambda canary: headed(b"{}", length=90_000_000),
    "header that is nested": lambda canary: headed(b'{"a":' + b"[" * 200_000),
    "header that is no object": lambda canary: headed(b"[]"),
    "tensor that is larger than memory": lambda canary: tensors(w=tensor([2**40, 2**20], 0, 16)),
    "tensor whose size overflows": lambda canary: tensors(w=tensor([2**62, 8], 0, 16)),
    "tensors that overlap": lambda canary: tensors(a=tensor([4], 0, 16), b=tensor([2], 4, 12)),
    "tensor outside the file": lambda canary: tensors(w=tensor([4], 2**50, 2**50 + 16)),
    "tensor of no known type": lambda canary: tensors(w=tensor([4], 0, 16, "OBJECT")),
    "tensors without a checksum": lambda canary: tensors(w=tensor([4], 0, 16)),
    "tensors of nothing": lambda canary: tensors(
        __metadata__={"sha256": "", "facts": "{}"}, w=tensor([2**60, 0], 0, 0), v=tensor([4], 0, 16)
    ),
}
