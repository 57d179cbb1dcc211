"""Mirrors of a run. The journal is the record; Weights & Biases and TensorBoard show it, and may fail."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar, get_args, runtime_checkable

from recloop.experiments.journal import Row

log = logging.getLogger(__name__)

Mode = Literal["offline", "online", "disabled"]
T = TypeVar("T")


class Tracker(Protocol):
    """Stores the rows of a run."""

    def write(self, row: Row) -> None:
        """Store `row`, in which `steps` counts the user steps of training so far."""
        ...

    def close(self, *, failed: bool = False) -> None:
        """Store nothing more. Closing twice is closing once."""
        ...


@runtime_checkable
class Publisher(Tracker, Protocol):
    """A tracker that shows files as well."""

    def publish(self, folder: Path) -> None:
        """Show what the run folder holds, now that the run has come to its end."""
        ...


class Trackers:
    """Several trackers as one, in order: put the journal first. As a context manager it closes them all."""

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    def write(self, row: Row) -> None:
        """Store `row` in each."""
        for tracker in self._trackers:
            tracker.write(row)

    def publish(self, folder: Path) -> None:
        """Show the files of the run that `folder` holds, wherever files can be shown."""
        for tracker in self._trackers:
            if isinstance(tracker, Publisher):
                tracker.publish(folder)

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
    """What `configs/tracking/*.yaml` says about Weights & Biases, and whether TensorBoard shows the run too.

    Raises:
        ValueError: there is no such mode, or TensorBoard is wanted and not installed.
    """

    project: str
    mode: Mode = "offline"
    entity: str | None = None
    tags: Sequence[str] = ()
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"tracking.mode is {self.mode!r}; choose offline, online or disabled")
        if self.tensorboard and find_spec("tensorboard") is None:
            raise ValueError("tracking.tensorboard is true, but it is not here; pip install 'recloop[tensorboard]'")

    def open(
        self,
        folder: Path,
        *,
        group: str,
        job_type: str,
        name: str,
        config: Mapping[str, Any],
        rows: Sequence[Row] = (),
    ) -> Trackers:
        """The mirrors of the run in `folder`.

        Args:
            folder: the run folder.
            group: what is compared with one another at W&B.
            job_type: what kind of run it is there, "train" or "report".
            name: of the run there.
            config: is shown as it is, pass it through `redact` first.
            rows: that the journal holds already, when a run goes on; they come first, and none comes twice.
        """
        from recloop.experiments.tensorboard_mirror import TensorBoardMirror
        from recloop.experiments.wandb_mirror import WandbMirror

        if self.mode != "online" and "WANDB_SWEEP_ID" in os.environ:
            log.warning("tracking.mode is %s: W&B's sweep will not hear of this run; add tracking=online", self.mode)
        shown = WandbMirror(self, folder, group=group, job_type=job_type, name=name, config=config, rows=rows)
        return Trackers(shown, TensorBoardMirror(folder, rows)) if self.tensorboard else Trackers(shown)


class Forgiving:
    """Calls that may fail: the first error of the mirror `name` is said in one warning, none reaches training."""

    def __init__(self, name: str) -> None:
        self._name, self._said = name, False

    def __call__(self, action: Callable[[], T]) -> T | None:
        """What `action` gives; None if it fails."""
        try:
            return action()
        except Exception as error:  # wandb lets through those of sockets, protobuf, pydantic, files; none may end a run
            if not self._said:
                reason, kind = str(error).partition("\n")[0], type(error).__name__
                log.warning("%s: %s: %s; the run goes on, its journal is complete", self._name, kind, reason)
            self._said = True
            return None
