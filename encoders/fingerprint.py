"""Names for what a vector depends on: equal settings give equal names, and any change gives another."""

import hashlib
import json
from pathlib import Path

Setting = str | int | float | bool | None | list[str] | dict[str, str]


def fingerprint(**settings: Setting) -> str:
    """SHA-256, in hex, of named settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def file_fingerprint(path: Path) -> str:
    """SHA-256, in hex, of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
