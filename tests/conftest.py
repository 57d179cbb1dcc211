"""What every test stands on: one thread, no network services, libraries' own files kept inside `build/`."""

import os
from pathlib import Path

from hypothesis import settings

SCRATCH = Path(__file__).parents[1] / "build" / "tests"

# Before anything imports numpy, torch, matplotlib or wandb: they read these once.
os.environ.update(
    OMP_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
    HF_HUB_OFFLINE="1",
    MPLBACKEND="agg",
    MPLCONFIGDIR=str(SCRATCH / "matplotlib"),
    WANDB_MODE="offline",
    WANDB_SILENT="true",
    WANDB_CACHE_DIR=str(SCRATCH / "wandb"),
    WANDB_CONFIG_DIR=str(SCRATCH / "wandb"),
    WANDB_DATA_DIR=str(SCRATCH / "wandb"),
)

# The same examples on every machine, however slow it is.
settings.register_profile("recloop", deadline=None, derandomize=True)
settings.load_profile("recloop")
