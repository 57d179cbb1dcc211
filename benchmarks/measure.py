"""Steps a second, of several things in turn, so that all of them meet the same machine."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple


class Pace(NamedTuple):
    """Steps a second: of wall time, and of this process's processor time, which other processes disturb less."""

    wall: float
    cpu: float


Paces = dict[str, list[Pace]]


def in_turn(runs: Mapping[str, Callable[[], int]], repeats: int) -> Paces:
    """Time each of `runs`, `repeats` times in turn; a run returns how many steps it took. All are run once before."""
    for run in runs.values():
        run()
    paces: Paces = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            paces[name].append(pace(run))
    return paces


def pace(run: Callable[[], int]) -> Pace:
    """Time `run` once; it returns how many steps it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    steps = run()
    return Pace(steps / (time.perf_counter() - wall), steps / (time.process_time() - cpu))


def typical(paces: list[Pace]) -> Pace:
    """The median of each clock."""
    return Pace(median(pace.wall for pace in paces), median(pace.cpu for pace in paces))


def ratio(paces: list[Pace], others: list[Pace]) -> Pace:
    """The median, over pairs that ran one after the other, of how much quicker `paces` are than `others`."""
    return typical([Pace(one.wall / two.wall, one.cpu / two.cpu) for one, two in zip(paces, others, strict=True)])
