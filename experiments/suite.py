"""Several agents and seeds in one table: every cell is an ordinary run, in worker processes."""

import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig, OmegaConf

from recloop.experiments.display import display
from recloop.experiments.errors import UsageError
from recloop.experiments.progress import Reporter, from_workers
from recloop.experiments.sessions import Played, Sessions

log = logging.getLogger(__name__)


class Cell(NamedTuple):
    """One agent and seed of a suite."""

    policy: str
    seed: int
    overrides: tuple[str, ...]  # the arguments of `recloop train` that make it

    @property
    def folder(self) -> str:
        """Its folder below the suite's."""
        varied = [self.policy, *(word for word in self.overrides if word.startswith("env/"))]
        return f"{re.sub(r'[^a-z0-9]+', '-', ' '.join(varied).lower()).strip('-')}-seed{self.seed}"


def cells(suite: DictConfig, overrides: list[str]) -> list[Cell]:
    """The cells of a suite, seeds outermost; `overrides` are the user's own words on the command line.

    Raises:
        UsageError: the user sets a key that the cells vary.
    """
    given = {word.split("=")[0].lstrip("+~") for word in overrides}
    found = []
    for seed in suite.seeds:
        for cell in suite.cells:
            varied = {word.split("=")[0] for word in cell.overrides} | {"seed"}
            if clash := sorted(given & varied):
                raise UsageError(
                    f"{clash[0]} is varied by the cells of this experiment; leave it out, or run `recloop train` without experiment="
                )
            found.append(Cell(cell.policy, seed, (*overrides, *cell.overrides, f"seed={seed}", "suite=null")))
    return found


def run_suite(cfg: DictConfig, folder: Path, overrides: list[str]) -> list[Played]:
    """Run every cell and the baselines; the table's rows, baselines first.

    A cell that fails is reported and counts as the worst seed of its policy. On Ctrl-C the cells that have finished stay on disk.
    """
    todo = cells(cfg.suite, overrides)
    os.environ.setdefault("OMP_NUM_THREADS", str(cfg.threads))  # of numpy's own threads, in the workers
    workers = ProcessPoolExecutor(cfg.suite.workers, mp_context=get_context("spawn"))
    with display(runs=len(todo) + 1) as reporter, from_workers(reporter) as remote, workers as pool:
        try:
            baselines = pool.submit(_baselines, OmegaConf.to_container(cfg), remote)
            futures = {pool.submit(_cell, cell, folder, remote): cell for cell in todo}
            results = dict(_results(futures))
            return [*baselines.result(), *_rows(todo, results)]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _results(futures: "dict[Future[Played], Cell]") -> "Iterator[tuple[Cell, Played | None]]":
    for future in as_completed(futures):
        cell, error = futures[future], future.exception()
        if isinstance(error, UsageError | KeyboardInterrupt):
            raise error
        if error is not None:
            log.error("%s, seed %d failed and counts as the worst: %r", cell.policy, cell.seed, error)
        yield cell, None if error is not None else future.result()


def _rows(todo: list[Cell], results: "dict[Any, Played | None]") -> list[Played]:
    """One row a policy, its seeds in order."""
    by_key: dict[tuple[str, ...], list[Played | None]] = {}
    for cell in todo:
        by_key.setdefault((cell.policy, cell.folder.rpartition("-")[0]), []).append(results[cell])
    rows = []
    for seeds in by_key.values():
        some = next((one for one in seeds if one is not None), None)
        if some is None:
            continue
        sessions = tuple(one.sessions[0] if one else _failed(some.sessions[0]) for one in seeds)
        rows.append(some._replace(sessions=sessions, curves=tuple(one.curves[0] for one in seeds if one)))
    return rows


def _failed(like: Sessions) -> Sessions:
    nothing = np.full_like(like.clicks, np.nan)
    return Sessions(like.users, np.full_like(like.items, -1), nothing, nothing)


def _cell(cell: Cell, folder: Path, reporter: Reporter) -> Played:
    """In a worker: compose the cell's configuration and run it."""
    from recloop.experiments.compose import composed
    from recloop.experiments.run import run

    cfg = composed([*cell.overrides, f"run_dir={folder / 'cells' / cell.folder}"])
    label = f"{cell.policy}, seed {cell.seed}"
    return run(cfg, folder / "cells" / cell.folder, ["train", *cell.overrides], cell.policy, reporter, label)


def _baselines(config: Any, reporter: Reporter) -> list[Played]:
    """In a worker: play the baselines of the suite's own configuration."""
    from recloop.experiments.baselines import play_baselines
    from recloop.experiments.build import build_setting
    from recloop.experiments.run import final_luck

    cfg = OmegaConf.create(config)
    setting = build_setting(cfg)
    return play_baselines(setting, final_luck(cfg, setting), cfg.evaluation, reporter)
