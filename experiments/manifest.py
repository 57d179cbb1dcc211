"""What a run was made with, as far as it can change a figure: code, libraries, machine, seeds, data. Not by whom."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from recloop.encoders.files import write_atomically
from recloop.experiments.redaction import redact_command

Status = Literal["finished", "interrupted", "failed"]

LIBRARIES = (
    "recloop", "numpy", "scipy", "pandas", "pyarrow", "torch", "safetensors", "tokenizers", "transformers",
    "gymnasium", "stable-baselines3", "hydra-core", "omegaconf", "wandb",
)  # fmt: skip

_CHECKOUT = Path(__file__).resolve().parent.parent
_GIT_SECONDS = 30


def manifest(
    command: Sequence[str],
    allowed_keys: Collection[str],
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
    threads: int,
    device: str,
) -> dict[str, Any]:
    """The manifest of a run that starts now.

    Args:
        command: the arguments of `recloop`, `sys.argv[1:]`; see `redact_command` for what is kept of them.
        allowed_keys: top-level configuration keys that may be told.
        seeds: of every training in the run.
        fingerprints: of data and encoders, by name.
        threads: that PyTorch computes on.
        device: that networks are on, "cpu" or "cuda:0".
    """
    return {
        "status": "running",
        "started": _now(),
        "ended": None,
        "command": redact_command(command, allowed_keys),
        "seeds": list(seeds),
        "fingerprints": dict(fingerprints),
        "threads": threads,
        "device": device,
        "code": code(),
        "versions": versions(),
        "platform": machine(),
    }


def ended(started: Mapping[str, Any], status: Status) -> dict[str, Any]:
    """The manifest of the same run, now that it has ended."""
    return {**started, "status": status, "ended": _now()}


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write or replace `manifest.json`, at once or not at all."""
    write_atomically(path, json.dumps(content, indent=2).encode() + b"\n")


def code(checkout: Path = _CHECKOUT) -> dict[str, str | None]:
    """Commit of `checkout`, and a hash of what was changed since or not yet added; None where git does not say.

    An installed package that merely lies inside somebody's repository has no commit of its own.
    """
    top_level = _git(checkout, "rev-parse", "--show-toplevel")
    if top_level is None or Path(os.fsdecode(top_level).rstrip("\n")) != checkout:
        return {"commit": None, "changes_sha256": None}
    commit = _git(checkout, "rev-parse", "--verify", "HEAD")
    return {"commit": commit.decode().strip() if commit else None, "changes_sha256": _changes(checkout)}


def versions() -> dict[str, str | None]:
    """Versions of the libraries that a result depends on, None for those that are not installed."""
    return {name: _version(name) for name in LIBRARIES}


def machine() -> dict[str, str | int | None]:
    """The kind of machine: not its name, nor its user's."""
    import torch

    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
    }


def _changes(checkout: Path) -> str | None:
    """SHA-256 over the difference to the commit and the sources not yet added; None if there is neither."""
    difference = _git(checkout, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv") or b""
    added = _git(checkout, "ls-files", "--others", "--exclude-standard", "-z", "--", "*.py", "*.yaml") or b""
    digest = hashlib.sha256(difference)
    for path in sorted(checkout / os.fsdecode(name) for name in added.split(b"\0")[:-1]):
        digest.update(f"{path.relative_to(checkout)}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest() if difference or added else None


def _git(checkout: Path, *arguments: str) -> bytes | None:
    command = ["git", "--no-optional-locks", "-C", str(checkout), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=_GIT_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):  # no git, no repository, no commit yet, or a disk that hangs
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
