"""What is counted beside the paces of prompts; the measuring itself needs MiniLM."""

from benchmarks.measure import Pace
from benchmarks.prompts import _row, walk
from recloop.envs.task import Task
from recloop.experiments.remembering import Counts


def test_a_row_is_held_against_reading_one_by_one_and_tells_what_was_known() -> None:
    paces = {
        "pooled": [Pace(2000, 4000)],
        "default prompts, one by one": [Pace(2, 4)],
        "skips untold, one by one": [Pace(1, 2)],
        "skips untold, together": [Pace(10, 30)],
    }
    counted = {"skips untold": [Counts(10, 2, 6, 2, 80, 1.0)], "default prompts": []}
    together = _row("skips untold, together", paces, counted)
    assert together["factor"] == {"wall": 10, "cpu": 15}
    assert (together["known"], together["tokens"]) == (0.8, 40)
    assert _row("pooled", paces, counted)["factor"] == {"wall": 1000, "cpu": 1000}


def test_a_walk_tells_its_user_steps() -> None:
    assert walk(Task.synthetic(20, 4), steps=3, seed=0) == 3 * 64
