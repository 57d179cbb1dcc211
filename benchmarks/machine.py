"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recloop.experiments.manifest import machine, versions


def described() -> dict[str, Any]:
    """Processor, cores, load and libraries."""
    return {
        "processor": _processor(),
        **machine(),
        "load": load(),
        "versions": {**versions(), "numba": version("numba")},
    }


def load() -> list[float]:
    """Processes that want a core, on average over 1, 5 and 15 minutes."""
    return [round(average, 2) for average in os.getloadavg()]


def _processor() -> str:
    """As Linux names it; elsewhere what Python knows."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
