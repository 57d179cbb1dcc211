"""What the figures were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from recloop.experiments.manifest import machine, versions

OPTIONAL = ("sb3-contrib", "faiss-cpu", "onnxruntime", "sentence-transformers")


def described() -> dict[str, Any]:
    """Processor, cores and libraries, the optional ones too where they are installed."""
    return {
        "processor": _processor(),
        **machine(),
        "versions": {**versions(), **{name: _version(name) for name in OPTIONAL}},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def load() -> list[float]:
    """Processes that want a core, on average over 1, 5 and 15 minutes."""
    return [round(average, 2) for average in os.getloadavg()]


def _processor() -> str:
    """As Linux names it; elsewhere what Python knows."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
