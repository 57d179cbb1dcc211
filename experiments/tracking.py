"""Mirrors of a run. The journal is the record; Weights & Biases shows it, and is imported in this file only."""

import logging
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

from recloop.experiments.journal import Row
from recloop.experiments.redaction import hide_home

if TYPE_CHECKING:
    import wandb

log = logging.getLogger(__name__)

Mode = Literal["offline", "online", "disabled"]
T = TypeVar("T")

_ATTEMPTS: Mapping[Mode, Sequence[Mode]] = {
    "disabled": (),
    "offline": ("offline",),
    "online": ("online", "offline"),  # without a server, as a run to upload later
}
_INIT_SECONDS = 10  # wandb would wait 90 for a server that does not answer
_FINISH_SECONDS = 60  # and forever for the last upload; what is not uploaded stays on disk for `wandb sync`


class Tracker(Protocol):
    """Stores the rows of a run."""

    def write(self, row: Row) -> None:
        """Store `row`, in which `steps` counts the user steps of training so far."""
        ...

    def close(self, *, failed: bool = False) -> None:
        """Store nothing more. Closing twice is closing once."""
        ...


class Trackers:
    """Several trackers as one, in order: put the journal first. As a context manager it closes them all."""

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    def write(self, row: Row) -> None:
        """Store `row` in each."""
        for tracker in self._trackers:
            tracker.write(row)

    def close(self, *, failed: bool = False) -> None:
        """Close each, also when another raises."""
        with ExitStack() as stack:
            for tracker in reversed(self._trackers):
                stack.callback(tracker.close, failed=failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close(failed=kind is not None)


@dataclass(frozen=True)
class WandbSettings:
    """What `configs/tracking/*.yaml` says about Weights & Biases.

    Raises:
        ValueError: there is no such mode.
    """

    project: str
    mode: Mode = "offline"
    entity: str | None = None
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.mode not in _ATTEMPTS:
            raise ValueError(f"tracking.mode is {self.mode!r}; choose offline, online or disabled")

    def open(self, folder: Path, *, group: str, job_type: str, name: str, config: Mapping[str, Any]) -> "WandbTracker":
        """A tracker for the run in `folder`."""
        return WandbTracker(self, folder, group=group, job_type=job_type, name=name, config=config)


class WandbTracker:
    """A W&B run whose files all lie in `folder / "wandb"`.

    `config` is shown as it is: pass it through `redact` first. Arguments, host name, console and code are not sent.
    Whatever W&B raises is said in one warning and does not reach training; a server out of reach means an offline run.
    """

    def __init__(
        self, settings: WandbSettings, folder: Path, *, group: str, job_type: str, name: str, config: Mapping[str, Any]
    ) -> None:
        self._environment = _environment(folder, settings.mode)
        self._reported = False
        self._run: wandb.Run | None = None
        self.sync_hint: str | None = None  # the command that uploads an offline run
        start = partial(_start, settings, folder, group=group, job_type=job_type, name=name, config=dict(config))
        for mode in _ATTEMPTS[settings.mode]:
            self._run = self._run or self._guarded(partial(start, mode))
        if self._run is not None and self._run.offline:
            self.sync_hint = f"wandb sync {shlex.quote(os.path.relpath(self._run.settings.sync_dir))}"

    def write(self, row: Row) -> None:
        """Show `row`; what was not measured (None) is left out."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.log({key: value for key, value in row.items() if value is not None}))

    def close(self, *, failed: bool = False) -> None:
        """Finish the run, as failed if so."""
        run, self._run = self._run, None
        if run is not None:
            self._guarded(lambda: run.finish(exit_code=int(failed)))

    def _guarded(self, action: Callable[[], T]) -> T | None:
        try:
            with _environ(self._environment):
                return action()
        except Exception as error:  # wandb lets through those of sockets, protobuf, pydantic, files; none may end a run
            if not self._reported:
                reason = str(error).partition("\n")[0]
                log.warning("W&B: %s: %s; the run goes on, its journal is complete", type(error).__name__, reason)
            self._reported = True
            return None


def _start(
    settings: WandbSettings, folder: Path, mode: Mode, *, group: str, job_type: str, name: str, config: dict[str, Any]
) -> "wandb.Run":
    import wandb

    logging.getLogger("wandb").addFilter(_hide_home)  # W&B writes its log into the run folder
    run = wandb.init(
        project=settings.project,
        entity=settings.entity,
        group=group,
        job_type=job_type,
        name=name,
        tags=list(settings.tags),
        config=config,
        dir=str(folder.absolute()),  # a relative one is lost on W&B's process when this one has moved since
        reinit="create_new",  # leaves alone what else this process tracks
        settings=_discreet(mode),
    )
    run.define_metric("steps")
    run.define_metric("*", step_metric="steps")
    return run


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


def _environment(folder: Path, mode: Mode) -> dict[str, str]:
    """Variables that keep W&B's files in the run folder. Online, it reads in the user's own settings where to send."""
    inside = folder.absolute() / "wandb"
    places = {"WANDB_DIR": folder.absolute(), "WANDB_DATA_DIR": inside / "data", "WANDB_CACHE_DIR": inside / "cache"}
    if mode != "online":
        places["WANDB_CONFIG_DIR"] = inside / "config"
    return {"WANDB_ERROR_REPORTING": "false", **{name: str(place) for name, place in places.items()}}


@contextmanager
def _environ(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
