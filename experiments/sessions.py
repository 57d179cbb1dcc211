"""What was played: one row a session, kept in memory as arrays and on disk as parquet."""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.files import write_atomically
from recloop.experiments.errors import UsageError

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float32]
Key: TypeAlias = tuple[str, str]
"""A row of the table: the policy's name and what it sees."""


_MOST_ROWS = 10_000_000
_CURVES, _CHECKSUM = b"recloop.curves", b"recloop.sha256"


class Sessions(NamedTuple):
    """The sessions that one policy played, one row each; a seed whose training failed has NaN clicks and rewards."""

    users: Ints  # [sessions] which held-out user (several sessions may be of one user)
    items: Ints  # [sessions, steps] item recommended, -1 once the session has ended; slates one after the other
    clicks: Floats  # alike: 1 where clicked, 0 elsewhere and after the end
    rewards: Floats  # [sessions, steps] 0 after the end

    @property
    def slate(self) -> int:
        """Items shown at once; `items` and `clicks` have so many columns a step."""
        return int(self.items.shape[1] // max(self.rewards.shape[1], 1))


class Curve(NamedTuple):
    """How one seed did on held-out users while it trained."""

    steps: Ints  # [k] environment steps trained so far
    clicks_per_session: Floats  # [k]


class Played(NamedTuple):
    """A policy and everything it played."""

    policy: str  # the name in the table: "PPO", "random"
    sees: str  # "-", "observed", "true state"
    trained: bool  # agents that learned (True) or baselines
    sessions: tuple[Sessions, ...]  # one a training seed; baselines one
    curves: tuple[Curve, ...] = ()  # one a seed

    @property
    def key(self) -> Key:
        """The row of the table that this is."""
        return self.policy, self.sees


def save_sessions(path: Path, played: Sequence[Played]) -> None:
    """Write one row a session; the learning curves and a checksum travel in the file's metadata.

    Columns: `policy`, `sees`, `trained`, `seed` (0, 1, ... within the policy), `user`, and the lists `items`, `clicks`
    and `rewards` [steps], where -1 marks the steps after the session's end. The file appears whole or not at all.
    Raises ValueError for a policy without sessions, which a file of sessions cannot hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for one in played:
        if not one.sessions or any(len(sessions.users) == 0 for sessions in one.sessions):
            raise ValueError(f"{one.policy} ({one.sees}) has a seed without sessions: evaluate it before saving")
    rows = [_rows(one, seed, sessions) for one in played for seed, sessions in enumerate(one.sessions)]
    metadata = {_CURVES: json.dumps(_curves(played)), _CHECKSUM: _digest(played)}
    table = pa.concat_tables(rows).replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_atomically(path, buffer.getvalue())


def _rows(played: Played, seed: int, sessions: Sessions) -> Any:
    import pyarrow as pa

    n = len(sessions.users)
    return pa.table(
        {
            "policy": pa.array([played.policy] * n, pa.string()),
            "sees": pa.array([played.sees] * n, pa.string()),
            "trained": pa.array([played.trained] * n, pa.bool_()),
            "seed": pa.array(np.full(n, seed, np.int32)),
            "user": pa.array(sessions.users, pa.int32()),
            "items": _lists(sessions.items, pa.int32()),
            "clicks": _lists(sessions.clicks, pa.float32()),
            "rewards": _lists(sessions.rewards, pa.float32()),
        }
    )


def _lists(values: Ints | Floats, kind: Any) -> Any:
    import pyarrow as pa

    n, steps = values.shape
    return pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * steps, pa.array(values.ravel(), kind))


def _curves(played: Sequence[Played]) -> list[list[list[list[float]]]]:
    return [[[curve.steps.tolist(), curve.clicks_per_session.tolist()] for curve in one.curves] for one in played]


def load_sessions(path: Path) -> list[Played]:
    """Read what `save_sessions` wrote: the same policies in the same order, the same bits.

    Raises UsageError when the file is missing, damaged, or not a file of sessions.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; name a run folder that was evaluated") from None
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RuntimeError) as error:  # pyarrow's too
        raise UsageError(f"{path}: not a whole file of sessions; evaluate the run again") from error


def _read(path: Path) -> list[Played]:
    import pyarrow.parquet as pq

    if (count := pq.read_metadata(path).num_rows) > _MOST_ROWS:  # they may be as good as nothing on disk
        raise ValueError(f"{count:,} rows")
    table = pq.read_table(path)
    metadata = table.schema.metadata
    policies: dict[tuple[str, str, bool], dict[int, Sessions]] = {}
    for policy, sees, trained, seed, rows in _seeds(table):
        policies.setdefault((policy, sees, trained), {})[seed] = _sessions(rows)
    played = [
        Played(*name, tuple(seeds.values()), tuple(_curve(*curve) for curve in of_seeds))
        for (name, seeds), of_seeds in zip(policies.items(), json.loads(metadata[_CURVES]), strict=True)
    ]
    if metadata.keys() != {_CURVES} and metadata[_CHECKSUM] != _digest(played):  # older files have none
        raise ValueError("checksum")
    return played


def _digest(played: Sequence[Played]) -> bytes:
    """SHA-256, in hex, over names, shapes and values."""
    digest = hashlib.sha256()
    for one in played:
        arrays = [array for part in (*one.sessions, *one.curves) for array in part]
        shapes = [array.shape for array in arrays]
        digest.update(json.dumps([one.policy, one.sees, one.trained, len(one.sessions), shapes]).encode())
        for array in arrays:
            digest.update(np.asarray(array, np.int32 if array.dtype.kind in "iu" else np.float32).tobytes())
    return digest.hexdigest().encode()


def _seeds(table: Any) -> list[tuple[str, str, bool, int, Any]]:
    """The table cut where policy or seed changes: rows of one seed stand together."""
    names = list(zip(*(table[column].to_pylist() for column in ("policy", "sees", "trained", "seed")), strict=True))
    starts = [row for row in range(len(names)) if row == 0 or names[row] != names[row - 1]]
    ends = [*starts[1:], len(names)]
    return [(*names[start], table.slice(start, end - start)) for start, end in zip(starts, ends, strict=True)]


def _sessions(rows: Any) -> Sessions:
    n = rows.num_rows
    items, clicks, rewards = (
        rows[column].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(n, -1)
        for column in ("items", "clicks", "rewards")
    )
    return Sessions(rows["user"].to_numpy(), items, clicks, rewards)


def _curve(steps: list[int], clicks_per_session: list[float]) -> Curve:
    return Curve(np.array(steps, np.int32), np.array(clicks_per_session, np.float32))
