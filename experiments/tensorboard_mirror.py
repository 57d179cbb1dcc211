"""The journal as TensorBoard shows it: `tensorboard --logdir RUN_FOLDER`."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recloop.experiments.journal import Row
from recloop.experiments.tracking import Forgiving

if TYPE_CHECKING:
    from tensorboard.summary.writer.record_writer import RecordWriter

EVENTS = "tensorboard/events.out.tfevents.recloop"
"""The file in the run folder. TensorBoard's own name for it would tell the name of the machine."""


class TensorBoardMirror:
    """Numbers of the rows, over `steps`. A run that goes on begins the file anew, with the rows that it has.

    Whatever fails is said in one warning and does not reach training.
    """

    def __init__(self, folder: Path, rows: Sequence[Row] = ()) -> None:
        self._forgiving = Forgiving("TensorBoard")
        self._records = self._forgiving(lambda: _begin(folder / EVENTS))
        for row in rows:
            self.write(row)

    def write(self, row: Row) -> None:
        """Show the numbers of `row`."""
        records = self._records
        if records is not None:
            self._forgiving(lambda: _add(records, row))

    def close(self, *, failed: bool = False) -> None:
        """Let go of the file."""
        records, self._records = self._records, None
        if records is not None:
            self._forgiving(records.close)


def _begin(path: Path) -> "RecordWriter":
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    records = RecordWriter(path.open("wb"))
    records.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
    return records


def _add(records: "RecordWriter", row: Row) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = [Summary.Value(tag=name, simple_value=value) for name, value in _numbers(row).items()]
    event = Event(wall_time=time.time(), step=int(row["steps"] or 0), summary=Summary(value=values))
    records.write(event.SerializeToString())
    records.flush()


def _numbers(row: Row) -> Mapping[str, float]:
    return {
        name: float(value)
        for name, value in row.items()
        if name not in ("row", "steps") and value is not None and not isinstance(value, str)
    }
