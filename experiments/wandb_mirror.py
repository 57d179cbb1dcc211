"""A run at Weights & Biases, which shows what the journal and the run folder hold."""

import logging
import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from recloop.encoders.files import write_atomically
from recloop.experiments.journal import Row
from recloop.experiments.logged import log_artifacts, mirror_rows
from recloop.experiments.redaction import hide_home
from recloop.experiments.tracking import Forgiving, Mode, WandbSettings
from recloop.experiments.wandb_places import environ, environment

if TYPE_CHECKING:
    import wandb

T = TypeVar("T")

_ATTEMPTS: Mapping[Mode, Sequence[Mode]] = {
    "disabled": (),
    "offline": ("offline",),
    "online": ("online", "offline"),  # without a server, as a run to upload later
}
_INIT_SECONDS = 10  # wandb would wait 90 for a server that does not answer
_FINISH_SECONDS = 5  # and forever for the last rows; what is not uploaded stays on disk for `wandb sync`


class WandbMirror:
    """A W&B run whose files all lie in `folder / "wandb"`: id.txt there keeps its id, sync.txt how to upload it.

    Every row has its number in the journal as W&B's step. A run that goes on keeps its id and leaves out the rows that
    the server has: those that it says it has, and those that `wandb sync` has uploaded from here.

    Arguments, host name, console and code are not sent. Whatever W&B raises is said in one warning and does not reach
    training; a server out of reach means an offline run.
    """

    def __init__(
        self,
        settings: WandbSettings,
        folder: Path,
        *,
        group: str,
        job_type: str,
        name: str,
        config: Mapping[str, Any],
        rows: Sequence[Row] = (),
    ) -> None:
        self._environment = environment(folder, server=settings.mode == "online")
        self._forgiving = Forgiving("W&B")
        self._run: wandb.Run | None = None
        start = partial(_start, settings, folder, group=group, job_type=job_type, name=name, config=dict(config))
        uploaded = self._guarded(lambda: _clear(folder / "wandb"))
        for mode in _ATTEMPTS[settings.mode]:
            self._run = self._run or self._guarded(partial(start, mode))
            if self._run is None:
                self._guarded(_forget)
        self._next = 0  # number of the next row in the journal
        self._shown = max(self._run.starting_step if self._run else 0, uploaded or 0)  # rows that the server has
        for row in rows:
            self.write(row)

    def write(self, row: Row) -> None:
        """Show `row`; what was not measured (None) is left out."""
        number, run = self._next, self._run
        self._next += 1
        if run is not None and number >= self._shown:
            values = {key: value for key, value in row.items() if value is not None and key != "row"}
            self._guarded(lambda: run.log(values, step=number, commit=True))

    def publish(self, folder: Path) -> None:
        """Log weights, record and report of the run in `folder` as artifacts."""
        run = self._run
        if run is not None:
            self._guarded(lambda: log_artifacts(run, folder))

    def close(self, *, failed: bool = False) -> None:
        """Finish the run, as failed if so."""
        run, self._run = self._run, None
        if run is not None:
            self._guarded(lambda: run.finish(exit_code=int(failed)))

    def _guarded(self, action: Callable[[], T]) -> T | None:
        with environ(self._environment):
            return self._forgiving(action)


def _start(
    settings: WandbSettings, folder: Path, mode: Mode, *, group: str, job_type: str, name: str, config: dict[str, Any]
) -> "wandb.Run":
    import wandb

    inside = folder / "wandb"
    logging.getLogger("wandb").addFilter(_hide_home)  # W&B writes its log into the run folder
    run = wandb.init(
        project=settings.project,
        entity=settings.entity,
        group=group,
        job_type=job_type,
        name=name,
        tags=list(settings.tags),
        config=config,
        id=_run_id(inside / "id.txt"),
        resume="allow" if mode == "online" else None,
        dir=str(folder.absolute()),  # a relative one is lost on W&B's process when this one has moved since
        reinit="create_new",  # leaves alone what else this process tracks
        settings=_discreet(mode),
    )
    write_atomically(inside / "id.txt", run.id.encode())
    if run.offline:
        hint = f"wandb sync {shlex.quote(os.path.relpath(run.settings.sync_dir))}"
        write_atomically(inside / "sync.txt", hint.encode())
    else:
        (inside / "sync.txt").unlink(missing_ok=True)
    run.define_metric("steps")
    run.define_metric("*", step_metric="steps")
    return run


def _forget() -> None:
    """End W&B's own process, which would hold a run that could not start, and refuse the same one offline."""
    import wandb

    wandb.teardown()


def _clear(inside: Path) -> int:
    """Remove W&B's folders of earlier processes, for the journal has all that they hold, but not those uploaded since.

    Returns the number of rows that were uploaded.
    """
    rows: list[dict[str, Any]] = []
    for before in inside.glob("*run-*"):
        if any(before.glob("*.wandb.synced")):
            rows += mirror_rows(before)
        else:
            shutil.rmtree(before)
    return 1 + max((row["row"] for row in rows), default=-1)


def _run_id(path: Path) -> str | None:
    """The id that the run keeps when it goes on; None in a sweep of W&B's, whose agent has chosen one."""
    if "WANDB_SWEEP_ID" in os.environ:
        return None
    if not path.exists():
        write_atomically(path, secrets.token_hex(4).encode())
    return path.read_text()


def _hide_home(record: logging.LogRecord) -> bool:
    record.msg, record.args = hide_home(record.getMessage()), None
    return True


def _discreet(mode: Mode) -> "wandb.Settings":
    """Nothing about the machine, its user or the command; the log on disk every 0.2 s, since a kill loses the rest."""
    import wandb

    return wandb.Settings(
        mode=mode,
        x_transaction_log_flush_interval=0.2,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        save_code=False,
        disable_git=True,
        console="off",
        host="redacted",
        silent=True,
        quiet=True,
        init_timeout=_INIT_SECONDS,
        finish_timeout=_FINISH_SECONDS,
    )
