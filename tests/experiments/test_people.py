"""People, as files and command lines tell of them."""

from pathlib import Path

import numpy as np
import pytest

from recloop.envs.parts.daily_rhythm import DailyRhythm
from recloop.envs.parts.device import Device
from recloop.experiments.errors import UsageError
from recloop.experiments.people import Person, context_values, read_people, said_context

ANN = '{"user": "ann", "profile": "A student.", "history": ["Heat", "Alien"], "context": {"time": "18:30"}}'


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_lines_of_json_and_rows_of_a_table_tell_the_same(tmp_path: Path) -> None:
    lines = written(tmp_path, "people.jsonl", f'{ANN}\n\n{{"user": 7, "skipped": ["Fargo"]}}\n')
    rows = written(
        tmp_path,
        "people.csv",
        "user,profile,history,skipped,context\nann,A student.,Heat | Alien,,time=18:30\n7,,,Fargo,\n",
    )
    expected = [
        Person("ann", "A student.", ["Heat", "Alien"], [], {"time": "18:30"}),
        Person("7", "", [], ["Fargo"], {}),
    ]
    assert read_people(lines) == read_people(rows) == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", ANN, "ends in '.txt'"),
        ("a.jsonl", "", "nobody is in it"),
        ("a.jsonl", f"{ANN}\n{{", "line 2: "),
        ("a.jsonl", "[" * 100_000, "line 1: "),
        ("a.jsonl", "[]", "line 1: '.*' is no object"),
        ("a.jsonl", '{"history": "Heat"}', "line 1: history is 'Heat'; give a list of titles"),
        ("a.jsonl", '{"context": ["time"]}', "line 1: context is"),
        ("a.jsonl", '{"profile": 3}', "profile '3'; give texts"),
        ("a.jsonl", '{"age": 3}', "'age' is nothing that is read"),
        ("a.csv", "user,age\nann,3\n", "line 2: 'age' is nothing that is read"),
        ("a.csv", "user\nann,3\n", "line 2: has more columns"),
        ("a.csv", "context\nnoon\n", "line 2: context is 'noon'; write name=value"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(name: str, text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        read_people(written(tmp_path, name, text))


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"user\n\xff")
    with pytest.raises(UsageError, match="byte 5: not UTF-8"):
        read_people(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="no such file"):
        read_people(tmp_path / "b.csv")


def test_context_is_said_by_name() -> None:
    assert said_context(["time=18:30", "device=phone"]) == {"time": "18:30", "device": "phone"}
    with pytest.raises(ValueError, match="context is 'time='; write name=value"):
        said_context(["time="])


def test_six_in_the_evening_on_a_phone_is_what_the_platform_sees_then() -> None:
    people = [Person(context={"time": "18:00", "device": "phone"}), Person(context={"device": "other", "time": "0:00"})]
    values = context_values(people, [DailyRhythm(), Device()])
    np.testing.assert_allclose(values, [[0, -1, 1], [1, 0, 0]], atol=1e-6)
    assert context_values([Person()], []).shape == (1, 0)


def test_a_device_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="device is 'fridge'; give phone or other"):
        context_values([Person(context={"device": "fridge"})], [Device()])
