"""Several agents and seeds in one table: every cell is an ordinary run, in worker processes."""

import logging
import os
import re
import signal
from collections.abc import Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig, OmegaConf

from recloop.encoders.files import write_atomically
from recloop.experiments.arguments import check_value
from recloop.experiments.compose import composed
from recloop.experiments.display import display
from recloop.experiments.errors import UsageError
from recloop.experiments.inputs import COUNT, SEED, check, check_agent, check_number
from recloop.experiments.progress import Reporter, from_workers
from recloop.experiments.redaction import frames
from recloop.experiments.sessions import Played, Sessions, load_sessions, save_sessions
from recloop.experiments.signals import Stopped
from recloop.experiments.workers import call, unheard, workers

log = logging.getLogger(__name__)


class Cell(NamedTuple):
    """One agent and seed of a suite."""

    policy: str
    seed: int
    overrides: tuple[str, ...]  # the arguments of `recloop train` that make it

    @property
    def row(self) -> str:
        """The policy, with what it varies of the environment."""
        return " ".join([self.policy, *(word for word in self.overrides if word.startswith("env/"))])

    @property
    def label(self) -> str:
        """What it is called while it runs."""
        return f"{self.row}, seed {self.seed}"

    @property
    def folder(self) -> str:
        """Its folder below the suite's."""
        return f"cells/{re.sub(r'[^a-z0-9]+', '-', self.row.lower()).strip('-')}-seed{self.seed}"


Results = dict[Cell | None, list[Played]]
"""What the cells played that have not failed; under None what the baselines did."""


def cells(suite: DictConfig, overrides: Sequence[str]) -> list[Cell]:
    """The cells of a suite, seeds outermost; `overrides` are the user's own words on the command line.

    Raises:
        UsageError: the user sets a key that the cells vary, two cells cannot be told apart, or one cannot run.
    """
    _check(suite)
    for cell in suite.cells:
        refuse_clash(overrides, cell.overrides)
    found = [
        Cell(cell.policy, seed, (*overrides, *cell.overrides, f"seed={seed}", "suite=null"))
        for seed in suite.seeds
        for cell in suite.cells
    ]
    folders = [cell.folder for cell in found]
    for cell in found:
        if folders.count(cell.folder) > 1:
            raise UsageError(f"suite: {cell.label} comes twice; give each cell its own policy name, and each seed once")
    for cell in found[: len(suite.cells)]:
        check(composed(cell.overrides))
        check_agent(composed(cell.overrides))
    return found


def _check(suite: DictConfig) -> None:
    check_number("suite.workers", suite.get("workers"), COUNT)
    for name in ("seeds", "cells"):
        if not suite.get(name):
            raise UsageError(f"suite.{name} is {suite.get(name)}; give a list of at least one")
    for seed in suite.seeds:
        check_number("suite.seeds", seed, SEED)
    for index, cell in enumerate(suite.cells):
        check_value(f"suite.cells[{index}].policy", cell.get("policy"), str)
        check_value(f"suite.cells[{index}].overrides", list(cell.get("overrides") or ()), list[str])


def refuse_clash(overrides: Sequence[str], varied: Sequence[str]) -> None:
    """Refuse a word of the user's own that sets a key which the experiment varies.

    Raises:
        UsageError: so.
    """
    keys = {word.partition("=")[0] for word in varied} | {"seed"}
    for word in overrides:
        if word.partition("=")[0].lstrip("+~") in keys:
            raise UsageError(
                f"{word}: the cells of this experiment vary that key; leave it out, or run without experiment="
            )


def run_suite(cfg: DictConfig, folder: Path, todo: Sequence[Cell]) -> list[Played]:
    """Run every cell and the baselines; the table's rows, baselines first.

    A cell that fails is reported and counts as the worst seed of its policy.

    Raises:
        Stopped: a signal has come; cells that have finished stay on disk, the others keep where they are.
        UsageError: a cell cannot run; the others are stopped.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(cfg.threads))  # of numpy's own threads, in the workers
    results: Results = {}
    try:
        with display(runs=len(todo) + 1) as reporter, ExitStack() as stack:
            with unheard():
                remote = stack.enter_context(from_workers(reporter))
                pool = stack.enter_context(workers(cfg.suite.workers))
                futures = _submit(pool, cfg, folder, todo, remote)
            for future in as_completed(futures):
                _collect(future, futures[future], folder, results)
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        raise Stopped(number, f"{len(results.keys() - {None})} of {len(todo)} runs had finished") from None
    return [*results[None], *_rows(todo, results)]


def _submit(
    pool: Executor, cfg: DictConfig, folder: Path, todo: Sequence[Cell], reporter: Reporter
) -> dict[Future[list[Played]], Cell | None]:
    baselines = pool.submit(call, _baselines, OmegaConf.to_container(cfg), folder, reporter)
    return {baselines: None, **{pool.submit(call, _cell, cell, folder, cfg.resume, reporter): cell for cell in todo}}


def _collect(future: Future[list[Played]], cell: Cell | None, folder: Path, results: Results) -> None:
    """Put what `future` has come to into `results`; a cell that has failed is said, and its traceback kept."""
    error = future.exception()
    if error is None:
        results[cell] = future.result()
    elif cell is None or not isinstance(error, Exception) or isinstance(error, UsageError):
        raise error
    else:
        path = folder / cell.folder / "failure.txt"
        told = f"{type(error).__name__}\nTraceback, without what was said:\n{frames(str(error.__cause__))}"
        write_atomically(path, told.encode())
        reason = str(error).partition("\n")[0]
        log.error("%s failed and counts as the worst: %s: %s; see %s", cell.label, type(error).__name__, reason, path)


def _rows(todo: Sequence[Cell], results: Results) -> list[Played]:
    """One row a policy, its seeds in order.

    Raises:
        RuntimeError: there is none, for every cell has failed.
    """
    by_row: dict[str, list[Played | None]] = {}
    for cell in todo:
        by_row.setdefault(cell.row, []).append(results[cell][0] if cell in results else None)
    rows = [_row(seeds) for seeds in by_row.values() if any(seeds)]
    if not rows:
        raise RuntimeError(f"all {len(todo)} runs failed; see failure.txt in their folders")
    return rows


def _row(seeds: Sequence[Played | None]) -> Played:
    finished = [one for one in seeds if one is not None]
    sessions = tuple(one.sessions[0] if one else _failed(finished[0].sessions[0]) for one in seeds)
    return finished[0]._replace(sessions=sessions, curves=tuple(one.curves[0] for one in finished))


def _failed(like: Sessions) -> Sessions:
    nothing = np.full_like(like.clicks, np.nan)
    return Sessions(like.users, np.full_like(like.items, -1), nothing, nothing)


def _cell(cell: Cell, folder: Path, resume: bool, reporter: Reporter) -> list[Played]:
    """In a worker: compose the cell's configuration and run it, or read what it came to before."""
    from recloop.experiments.resume import finished
    from recloop.experiments.run import note_reading, opened, recorded, run
    from recloop.experiments.setting import build_setting

    below = folder / cell.folder
    cfg = composed([*cell.overrides, f"run_dir={below}", f"resume={resume}"])
    if (done := finished(cfg, below)) is not None:
        return done.played()
    setting = build_setting(cfg)
    command = ["train", *cell.overrides]
    with (
        recorded(cfg, below, command, [cell.seed], setting.fingerprints, setting.fidelity) as started,
        opened(cfg, below) as records,
    ):
        played = run(cfg, below, setting, records, cell.policy, reporter, cell.label)
        note_reading(started, setting)
        return [played]


def _baselines(config: Any, folder: Path, reporter: Reporter) -> list[Played]:
    """In a worker: play the baselines of the suite's own configuration, or read what they came to before."""
    from recloop.experiments.baselines import play_baselines
    from recloop.experiments.run import final_luck
    from recloop.experiments.setting import build_setting

    cfg = OmegaConf.create(config)
    assert isinstance(cfg, DictConfig)
    path = folder / "cells" / "baselines.parquet"
    if not path.exists():
        setting = build_setting(cfg)
        save_sessions(path, play_baselines(setting, final_luck(cfg, setting), cfg.evaluation, reporter))
    return load_sessions(path)
