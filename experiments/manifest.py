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
    "gymnasium", "stable-baselines3", "sb3-contrib", "numba", "hydra-core", "omegaconf", "wandb",
)  # fmt: skip

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables of the environment by which numeric libraries split sums; they read them when they are loaded."""

RESULTS = {"weights_sha256": "checkpoints/final.safetensors", "journal_sha256": "metrics.jsonl"}
"""Files of a run folder whose hashes are kept when the run has ended."""

_CHECKOUT = Path(__file__).resolve().parent.parent
_GIT_SECONDS = 30


def manifest(
    command: Sequence[str],
    allowed_keys: Collection[str],
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
    threads: int,
    device: str,
    config: Mapping[str, Any] | None = None,
    fidelity: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest of a run that starts now.

    Args:
        command: the arguments of `recloop`, `sys.argv[1:]`; see `redact_command` for what is kept of them.
        allowed_keys: top-level configuration keys that may be told.
        seeds: of every training in the run.
        fingerprints: of data and encoders, by name.
        threads: that PyTorch computes on.
        device: that networks are on, "cpu" or "cuda:0".
        config: a copy of config.json, which tells what was edited there since.
        fidelity: how well the environment predicts real people.
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
        "platform": machine(device),
        "thread_variables": thread_variables(),
        "fidelity": dict(fidelity or {}),
        "results": {},
        "config": dict(config or {}),
    }


def ended(started: Mapping[str, Any], status: Status, hashes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The manifest of the same run, now that it has ended; `hashes` are those of what it left, see `results`."""
    return {**started, "status": status, "ended": _now(), "results": dict(hashes or {})}


def results(folder: Path) -> dict[str, str]:
    """SHA-256 of the weights and of the journal in a run folder, by name, as far as they are there."""
    return {name: _sha256(folder / file) for name, file in RESULTS.items() if (folder / file).is_file()}


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


def machine(device: str = "cpu") -> dict[str, str | int | None]:
    """The kind of machine, and what `device` is there: not its name, nor its user's."""
    import torch

    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "accelerator": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
    }


def thread_variables() -> dict[str, str]:
    """Those of `THREAD_VARIABLES` that are set."""
    return {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}


def _processor() -> str | None:
    """The model, "AMD EPYC 7B13"; numeric libraries choose their kernels by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
