"""What a generator expects, kept on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.generator import Expected
from recloop.encoders.opinions import Opinions

FILMS = ("Alien", "Fargo", "Heat")


class Counting:
    """Stands for a generator: says how long texts are, and remembers what it was asked."""

    fingerprint = "counting"

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def expect(self, beginning: str, endings: Sequence[str], answers: Sequence[str]) -> Expected:
        self.asked.append((beginning, tuple(endings)))
        lengths = [[-len(beginning) - len(ending) - place for place in range(len(answers))] for ending in endings]
        return Expected(np.array(lengths, np.float32), 10 * len(endings))


def opinions(folder: Path) -> tuple[Opinions, Counting]:
    model = Counting()
    return Opinions(model, ("1", "2"), folder), model  # type: ignore[arg-type]


def test_nobody_is_asked_twice_by_this_process_or_the_next(tmp_path: Path) -> None:
    first, model = opinions(tmp_path)
    given = first("me: ", FILMS[:2])
    np.testing.assert_array_equal(given, [[-9, -10], [-9, -10]])
    again, other = opinions(tmp_path)
    np.testing.assert_array_equal(again("me: ", [*FILMS, "Alien"])[[0, 1, 3]], given[[0, 1, 0]])
    assert (model.asked, other.asked) == ([("me: ", FILMS[:2])], [("me: ", ("Heat",))])
    assert (again.hits, again.misses) == (2, 1)


def test_the_cost_is_what_it_took_whenever_that_was(tmp_path: Path) -> None:
    opinions(tmp_path)[0]("me: ", FILMS)
    again, _ = opinions(tmp_path)
    again("me: ", FILMS)
    again("you: ", FILMS[:1])
    assert (again.cost.answers, again.cost.tokens) == (4, 40)
    assert again.cost.seconds > 0


def test_another_person_and_other_answers_are_asked_anew(tmp_path: Path) -> None:
    first, model = opinions(tmp_path)
    first("me: ", FILMS)
    first("you: ", FILMS)
    Opinions(model, ("1", "3"), tmp_path)("me: ", FILMS)  # type: ignore[arg-type]
    assert len(model.asked) == 3


def test_a_damaged_file_is_noticed_and_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, _ = opinions(tmp_path)
    given = first("me: ", FILMS)
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-3])
    again, model = opinions(tmp_path)
    np.testing.assert_array_equal(again("me: ", FILMS), given)
    assert len(model.asked) == 1
    assert "damaged" in caplog.text


def test_nothing_asked_is_nothing_given(tmp_path: Path) -> None:
    assert opinions(tmp_path)[0]("me: ", []).shape == (0, 2)
