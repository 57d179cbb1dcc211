"""Going on with a run that a folder holds already."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recloop.experiments.errors import UsageError
from recloop.experiments.stored import StoredRun, read_run

LOCK = ".lock"
_WAIT_SECONDS = 10
"""For a worker whose parent was killed, and that keeps its state first."""

_OWN = ("run_dir",)
"""Keys that may differ: the folder may have been moved."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process at work in `folder`, which is made if need be.

    Raises:
        UsageError: another one is.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=_WAIT_SECONDS)
    except Timeout:
        raise UsageError(f"run_dir is {folder}, where another process is at work; stop it, or choose another") from None
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # anything has been written, as a rule
            folder.rmdir()


def begun(folder: Path, config: Mapping[str, Any]) -> StoredRun | None:
    """The run in `folder`, whatever became of it; None if none has begun there.

    Args:
        folder: the run folder.
        config: what config.json of the same run would hold.

    Raises:
        UsageError: it is another run.
    """
    if not (folder / "config.json").exists() or not (folder / "manifest.json").exists():
        return None
    run = read_run(folder)

    before = OmegaConf.to_container(run.config)
    assert isinstance(before, dict)
    for key, now, then in differences(config, {key: before[key] for key in config}):
        if key not in _OWN:
            raise UsageError(
                f"{key} is {now!r}, but the run in {folder} has {then!r}; give the same words, or another run_dir"
            )
    return run


def finished(cfg: DictConfig, folder: Path) -> StoredRun | None:
    """The run of `cfg` in `folder` if `resume=true` and it has finished: it need not run again.

    Raises:
        UsageError: another run is there.
    """
    from recloop.experiments.run import stored_config

    run = begun(folder, stored_config(cfg)) if cfg.resume else None
    return run if run is not None and run.status == "finished" else None


def differences(one: Any, other: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Keys whose values differ between two plain configurations, with both values; None where there is none."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in [*one, *(name for name in other if name not in one)]:
            yield from differences(one.get(name), other.get(name), f"{key}.{name}".lstrip("."))
    elif one != other:
        yield key, one, other
