"""TensorBoard reads what the journal holds, and the file tells nothing else."""

import logging
import socket
from pathlib import Path

import pytest

from recloop.experiments.journal import Row
from recloop.experiments.tensorboard_mirror import EVENTS, TensorBoardMirror
from recloop.experiments.tracking import WandbSettings

pytest.importorskip("tensorboard")
ROWS: list[Row] = [{"row": row, "steps": 64 * row, "clicks": row / 2, "agent": "PPO", "loss": None} for row in range(4)]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by name, as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    found: dict[str, list[tuple[int, float]]] = {}
    for event in EventFileLoader(str(folder / EVENTS)).Load():
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, tensor_util.make_ndarray(value.tensor).item()))
    return found


def test_it_shows_the_numbers_over_the_steps(tmp_path: Path) -> None:
    mirror = TensorBoardMirror(tmp_path)
    for row in ROWS:
        mirror.write(row)
    assert scalars(tmp_path) == {"clicks": [(0, 0.0), (64, 0.5), (128, 1.0), (192, 1.5)]}
    mirror.close()
    mirror.close()


def test_a_run_that_goes_on_shows_every_row_once(tmp_path: Path) -> None:
    killed, mirror = TensorBoardMirror(tmp_path, ROWS[:3]), TensorBoardMirror(tmp_path, ROWS[:2])
    for row in ROWS[2:]:
        mirror.write(row)
    mirror.close()
    killed.close()
    assert [steps for steps, _ in scalars(tmp_path)["clicks"]] == [0, 64, 128, 192]


def test_no_file_is_named_after_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "canary-host")
    settings = WandbSettings("recloop", mode="disabled", tensorboard=True)
    with settings.open(tmp_path, group="g", job_type="train", name="n", config={}) as mirrors:
        mirrors.write(ROWS[1])
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "canary" not in file.name
    assert b"canary" not in file.read_bytes()


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        mirror = TensorBoardMirror(tmp_path, ROWS)
        mirror.close()
    (record,) = caplog.records
    assert record.getMessage().startswith("TensorBoard: FileExistsError: ")
