"""A NumPy file of a known shape that many processes fill in, each its own rows."""

import io
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Layout:
    """`path`, an array [n, dim] of `dtype` that `numpy.load` reads; all but its rows is known beforehand."""

    path: Path
    n: int
    dim: int
    dtype: str

    def is_whole(self) -> bool:
        """Whether the file has its size and its header; says nothing of its rows."""
        if not self.path.is_file() or self.path.stat().st_size != self._size:
            return False
        with self.path.open("rb") as file:
            return file.read(len(self._header)) == self._header

    def prepare(self) -> None:
        """Make the file, or mend its size and header; rows that are there stay."""
        if self.is_whole():
            return
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, self._header, 0)
            os.ftruncate(descriptor, self._size)  # the same size, whoever is first
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write(self, start: int, rows: NDArray[Any]) -> None:
        """Put `rows` [some, dim] from row `start` on; they have reached the disk when this returns."""
        data = np.ascontiguousarray(rows).data.cast("B")
        place = len(self._header) + start * self._row_bytes
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            while data:
                written = os.pwrite(descriptor, data, place)
                data, place = data[written:], place + written
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def mapped(self) -> NDArray[Any]:
        """The array, mapped and read-only."""
        shape = (self.n, self.dim)
        return np.asarray(np.memmap(self.path, self.dtype, "r", offset=len(self._header), shape=shape))

    @cached_property
    def _header(self) -> bytes:
        header = io.BytesIO()
        described = {"descr": self.dtype, "fortran_order": False, "shape": (self.n, self.dim)}
        np.lib.format.write_array_header_1_0(header, described)
        return header.getvalue()

    @property
    def _row_bytes(self) -> int:
        return self.dim * np.dtype(self.dtype).itemsize

    @property
    def _size(self) -> int:
        return len(self._header) + self.n * self._row_bytes
