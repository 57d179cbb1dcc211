"""Where chance comes from: one seed, and independent streams of random numbers that are told apart by name."""

import hashlib
import os
import random

import numpy as np

TUNING_SEEDS = range(2_000_000, 3_000_000)
"""Seeds that hyperparameters are chosen with. No other run may have one, so that no figure is better than it is."""


def streams(seed: int, *names: str) -> dict[str, np.random.Generator]:
    """One generator for each of `names`, all from `seed` and independent of one another.

    A stream depends on the seed and on its own name only: more names, or another order, change none of them.

    Raises:
        ValueError: the seed is negative, or a name comes twice.
    """
    _check(seed)
    if len(set(names)) < len(names):
        raise ValueError(f"random streams {', '.join(names)}: each name once, or two of them draw the same numbers")
    return {name: np.random.default_rng(np.random.SeedSequence(seed, spawn_key=_key(name))) for name in names}


def seed_everything(seed: int) -> None:
    """Seed the global generators that libraries draw from: Python's, NumPy's old one and PyTorch's, on every device.

    PyTorch is told to choose deterministic kernels; where an operation has none, it warns and goes on.

    Raises:
        ValueError: the seed is negative or does not fit 32 bits, as NumPy's old generator demands.
    """
    import torch

    _check(seed)
    if seed >= 2**32:
        raise ValueError(f"seed is {seed}; choose one below 2**32")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  stable-baselines3 and gymnasium still draw from it
    torch.manual_seed(seed)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is not deterministic without
    torch.use_deterministic_algorithms(True, warn_only=True)


def set_threads(threads: int = 1) -> None:
    """Let PyTorch compute on that many threads: it orders sums by them, so that they belong to a result as a seed does.

    Raises:
        ValueError: fewer than one thread.
    """
    import torch

    if threads < 1:
        raise ValueError(f"threads is {threads}; give at least 1")
    torch.set_num_threads(threads)


def _check(seed: int) -> None:
    if seed < 0:
        raise ValueError(f"seed is {seed}; give 0 or more")


def _key(name: str) -> tuple[int, ...]:
    """Four 32-bit words, of the name's SHA-256."""
    return tuple(np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u4").tolist())
