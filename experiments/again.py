"""A stored run made again, in a worker process that finds the threads that the run found."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from recloop.experiments.manifest import THREAD_VARIABLES, manifest, thread_variables
from recloop.experiments.progress import Reporter
from recloop.experiments.stored import StoredRun, read_run

if TYPE_CHECKING:
    from recloop.experiments.sessions import Played
    from recloop.experiments.setting import Setting


def facts(folder: Path, into: Path, device: str | None) -> dict[str, Any]:
    """In a worker: the manifest of the run in `folder` if it were made here.

    Args:
        folder: of the stored run.
        into: where `make` will make it again.
        device: that networks are on; None for the run's own.

    Raises:
        UsageError: it cannot be made here; naming key or file, value and remedy.
    """
    from recloop.experiments.run import TOLD

    cfg, setting = _prepared(folder, into, device)
    return manifest([], TOLD, [cfg.seed], setting.fingerprints, cfg.threads, cfg.device)


def make(folder: Path, into: Path, device: str | None, reporter: Reporter) -> None:
    """In a worker: make the run in `folder` again, in `into`; of a suite, its baselines.

    What has finished in `into` before is not made again, and what has not goes on.

    Raises:
        Stopped: a signal has come.
        UsageError: as `facts` does.
    """
    from recloop.experiments.baselines import play_baselines
    from recloop.experiments.resume import finished
    from recloop.experiments.run import final_luck, opened, recorded, run
    from recloop.experiments.sessions import save_sessions

    stored, (cfg, setting) = read_run(folder), _prepared(folder, into, device)
    if finished(cfg, into) is not None:
        return
    policy, beside = _rows(stored)
    with recorded(cfg, into, ["reproduce"], stored.manifest["seeds"], setting.fingerprints, setting.fidelity):
        played: list[Played] = []
        if not stored.is_suite:
            with opened(cfg, into) as records:
                played = [run(cfg, into, setting, records, policy, reporter, f"training, seed {cfg.seed}")]
        if beside:
            played = [*play_baselines(setting, final_luck(cfg, setting), cfg.evaluation, reporter), *played]
        save_sessions(into / "episodes.parquet", played)


@contextmanager
def threads_of(run: StoredRun) -> Iterator[None]:
    """Let processes that begin in the block find the thread variables of `run`, if it has recorded them."""
    recorded = run.manifest.get("thread_variables")
    if not isinstance(recorded, dict):
        yield
        return
    before = thread_variables()
    # a suite records itself before it sets them for its workers, see run_suite
    of_suite = {"OMP_NUM_THREADS": str(run.config.threads)} if run.is_suite else {}
    _set({**of_suite, **{name: value for name, value in recorded.items() if str(value).isdecimal()}})
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str]) -> None:
    for name in THREAD_VARIABLES:
        if name in variables:
            os.environ[name] = variables[name]
        else:
            os.environ.pop(name, None)


@lru_cache(maxsize=1)
def _prepared(folder: Path, into: Path, device: str | None) -> tuple[DictConfig, "Setting"]:
    """The configuration of the run made again, and what it describes, which takes a while to build."""
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check
    from recloop.experiments.setting import build_setting

    cfg = read_run(folder).config_here
    cfg.run_dir, cfg.resume, cfg.tracking = str(into), True, composed(["tracking=none"]).tracking
    cfg.device = device or cfg.device
    check(cfg)
    return cfg, build_setting(cfg)


def _rows(run: StoredRun) -> tuple[str | None, bool]:
    """What the agent is called in the table of `run`, and whether baselines stand there as well."""
    if run.is_suite:
        return None, True
    played = run.played() if (run.folder / "episodes.parquet").exists() else []
    return next((one.policy for one in played if one.trained), None), any(not one.trained for one in played)
