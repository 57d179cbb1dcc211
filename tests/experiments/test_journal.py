"""What was written is read back, or the damage is named."""

import errno
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recloop.experiments.journal import Journal, Value, read_journal

Rows = list[dict[str, Value]]
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text() | st.none()
rows_of_any_kind = st.lists(
    st.dictionaries(st.text().filter(lambda key: key not in ("row", "crc32")), numbers, max_size=5), max_size=5
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def write(path: Path, rows: Rows) -> bytes:
    journal = Journal(path)
    for row in rows:
        journal.write(row)
    journal.close()
    return path.read_bytes()


def test_a_line_is_the_row_with_its_number_and_the_checksum_of_both(path: Path) -> None:
    assert (
        write(path, [{"steps": 64, "clicks": 1.5}]) == b'{"row": 0, "steps": 64, "clicks": 1.5, "crc32": "674e896a"}\n'
    )


@settings(max_examples=30, deadline=None)  # each row waits for the disk
@given(rows=rows_of_any_kind)
def test_what_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> None:
    path = tmp_path_factory.mktemp("journal") / "metrics.jsonl"
    write(path, rows)
    assert read_journal(path) == [{"row": number, **row} for number, row in enumerate(rows)]


def test_a_row_can_be_read_as_soon_as_it_is_written(path: Path) -> None:
    journal = Journal(path)
    journal.write({"steps": 64})
    assert read_journal(path) == [{"row": 0, "steps": 64}]
    journal.close()


def test_numbers_of_numpy_are_numbers(path: Path) -> None:
    write(path, [{"loss": np.float32(0.5), "steps": np.int64(3)}])
    assert read_journal(path) == [{"row": 0, "loss": 0.5, "steps": 3}]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("-inf")])
def test_a_number_that_is_not_finite_stops_by_name(path: Path, value: float) -> None:
    with pytest.raises(ValueError, match=r"'train/loss' is (nan|inf|-inf); look for the cause"):
        write(path, [{"steps": 1, "train/loss": value}])
    assert read_journal(path) == []


def test_what_was_not_measured_is_allowed(path: Path) -> None:
    write(path, [{"steps": 1, "loss": None}])
    assert read_journal(path) == [{"row": 0, "steps": 1, "loss": None}]


def test_a_value_that_is_no_number_and_no_text_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="'loss' is a list"):
        Journal(path).write({"loss": [1.0]})  # type: ignore[dict-item]


@pytest.mark.parametrize("key", ["row", "crc32"])
def test_the_journals_own_names_are_refused(path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=f"'{key}': the journal uses"):
        Journal(path).write({key: 1})


def test_an_existing_journal_goes_on(path: Path) -> None:
    write(path, [{"steps": 1}])
    write(path, [{"steps": 2}])
    assert read_journal(path) == [{"row": 0, "steps": 1}, {"row": 1, "steps": 2}]


def test_a_torn_last_line_is_reported_and_ignored(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write(path, [{"steps": 1}, {"steps": 2}])
    path.write_bytes(whole[:-5])
    with caplog.at_level(logging.WARNING):
        assert read_journal(path) == [{"row": 0, "steps": 1}]
    assert "metrics.jsonl: line 2 is torn" in caplog.text


def test_a_journal_with_a_torn_last_line_goes_on_after_the_line_before(path: Path) -> None:
    whole = write(path, [{"steps": 1}, {"steps": 2}])
    path.write_bytes(whole[:-5])
    assert write(path, [{"steps": 2}]) == whole


def test_a_flipped_bit_in_any_byte_is_found(path: Path) -> None:
    sound = write(path, [{"steps": 1, "note": "a"}, {"steps": 2, "note": "b"}])
    last_end = len(sound) - 1  # flipped, it tears the last line, which is no error
    for position in range(last_end):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"metrics\.jsonl: line [12] is damaged"):
            read_journal(path)


def test_a_missing_line_is_found(path: Path) -> None:
    first, second, third = write(path, [{"steps": 1}, {"steps": 2}, {"steps": 3}]).splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(ValueError, match="line 2 holds row 2, not 1"):
        read_journal(path)
    path.write_bytes(first + second)
    assert len(read_journal(path)) == 2


def test_a_damaged_journal_does_not_go_on(path: Path) -> None:
    write(path, [{"steps": 1}])
    path.write_bytes(b"x" + path.read_bytes())
    with pytest.raises(ValueError, match="line 1 is damaged"):
        Journal(path)


def test_a_full_disk_leaves_whole_rows_and_writing_goes_on_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    journal.write({"steps": 1})
    really_write = os.write

    def write_a_little(file: int, data: bytes) -> int:
        really_write(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", write_a_little)
        with pytest.raises(OSError, match="No space left"):
            journal.write({"steps": 2})
    assert read_journal(path) == [{"row": 0, "steps": 1}]
    journal.write({"steps": 2})
    journal.close()
    assert read_journal(path) == [{"row": 0, "steps": 1}, {"row": 1, "steps": 2}]


def test_a_row_written_in_small_pieces_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: really_write(file, data[:3]))
    write(path, [{"steps": 123_456}])
    assert read_journal(path) == [{"row": 0, "steps": 123_456}]


def test_no_row_is_taken_after_closing(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    journal.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        journal.write({"steps": 1})
