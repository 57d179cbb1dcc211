"""Rows and files reach every tracker; a mirror that fails is said once and stops nobody."""

import logging
from pathlib import Path

import pytest

from recloop.experiments import tracking
from recloop.experiments.journal import Journal, Row
from recloop.experiments.tracking import Forgiving, Trackers, WandbSettings


class Notebook:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.closed: list[bool] = []

    def write(self, row: Row) -> None:
        self.rows.append(row)

    def close(self, *, failed: bool = False) -> None:
        self.closed.append(failed)


class Broken(Notebook):
    """A tracker that cannot close."""

    def close(self, *, failed: bool = False) -> None:
        raise OSError("disk on fire")


class Album(Notebook):
    """A tracker that shows files as well."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Path] = []

    def publish(self, folder: Path) -> None:
        self.published.append(folder)


def test_each_tracker_gets_each_row() -> None:
    first, second = Notebook(), Notebook()
    Trackers(first, second).write({"steps": 1})
    assert first.rows == second.rows == [{"steps": 1}]


def test_leaving_the_block_closes_all_and_says_whether_it_failed() -> None:
    calm, failing = Notebook(), Notebook()
    with Trackers(calm):
        pass
    with pytest.raises(KeyError), Trackers(failing):
        raise KeyError
    assert (calm.closed, failing.closed) == ([False], [True])


def test_a_tracker_that_cannot_close_keeps_no_other_open() -> None:
    first, last = Notebook(), Notebook()
    with pytest.raises(OSError, match="disk on fire"):
        Trackers(first, Broken(), last).close()
    assert (first.closed, last.closed) == ([False], [False])


def test_a_number_that_is_not_finite_stops_at_the_journal_before_the_mirror(tmp_path: Path) -> None:
    mirror = Notebook()
    with Trackers(Journal(tmp_path / "metrics.jsonl"), mirror) as trackers, pytest.raises(ValueError, match="'loss'"):
        trackers.write({"loss": float("nan")})
    assert mirror.rows == []


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tracking\.mode is 'dryrun'; choose offline, online or disabled"):
        WandbSettings("recloop", mode="dryrun")  # type: ignore[arg-type]


def test_files_go_to_those_trackers_that_show_them_however_deep(tmp_path: Path) -> None:
    album = Album()
    Trackers(Notebook(), Trackers(Notebook(), album)).publish(tmp_path)
    assert album.published == [tmp_path]


def test_tensorboard_that_is_not_installed_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"tracking\.tensorboard is true.*pip install 'recloop\[tensorboard\]'"):
        WandbSettings("recloop", tensorboard=True)


def test_the_first_fault_of_a_mirror_is_said_and_none_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    forgiving = Forgiving("Mirror")

    def breaks() -> None:
        raise BrokenPipeError("gone\nand more")

    with caplog.at_level(logging.WARNING):
        assert [forgiving(breaks), forgiving(lambda: 1), forgiving(breaks)] == [None, 1, None]
    said = "Mirror: BrokenPipeError: gone; the run goes on, its journal is complete"
    assert [record.getMessage() for record in caplog.records] == [said]


def test_a_run_of_a_sweep_whose_server_will_not_hear_of_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "me/recloop/sweep")
    with caplog.at_level(logging.WARNING):
        settings = WandbSettings("recloop", mode="disabled")
        settings.open(tmp_path, group="g", job_type="train", name="n", config={})
    (record,) = caplog.records
    assert "add tracking=online" in record.getMessage()
