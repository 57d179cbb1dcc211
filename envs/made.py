"""Long sequences whose entries are made when they are asked for: a million titles take no memory."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T", covariant=True)
S = TypeVar("S")


class Made(Sequence[T], Generic[T]):
    """`length` entries, of which number `row` is `make(row)`.

    Args:
        length: how many.
        make: gives an entry by its row, always the same one.
    """

    def __init__(self, length: int, make: Callable[[int], T]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self._make(one) for one in range(*row.indices(self._length))]
        found = int(row) + (self._length if row < 0 else 0)
        if not 0 <= found < self._length:
            raise IndexError(f"row {row}; there are {self._length}")
        return self._make(found)

    def each(self, function: Callable[[T], S]) -> "Made[S]":
        """What `function` gives for each entry, made when it is asked for."""
        return Made(self._length, lambda row: function(self._make(row)))
