"""Entries that are made when they are asked for."""

import pytest

from recloop.envs.made import Made


def test_entries_are_made_by_row_and_only_when_they_are_asked_for() -> None:
    asked: list[int] = []

    def square(row: int) -> int:
        asked.append(row)
        return row * row

    squares = Made(10**9, square)
    assert len(squares) == 10**9
    assert (squares[3], squares[-1]) == (9, (10**9 - 1) ** 2)
    assert asked == [3, 10**9 - 1]


def test_a_slice_is_a_list_and_the_whole_can_be_gone_through() -> None:
    squares = Made(5, lambda row: row * row)
    assert squares[1:-1] == [1, 4, 9]
    assert list(squares) == [0, 1, 4, 9, 16]


def test_what_is_made_of_each_entry_is_made_late_too() -> None:
    assert Made(3, str).each(lambda word: word + "!")[2] == "2!"


@pytest.mark.parametrize("row", [3, -4])
def test_a_row_that_is_not_there_is_refused(row: int) -> None:
    with pytest.raises(IndexError, match=f"row {row}; there are 3"):
        Made(3, str)[row]
