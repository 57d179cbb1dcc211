"""Real people, as somebody who asks for recommendations tells of them."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recloop.agents.policy import Floats
from recloop.experiments.errors import UsageError

FILE_BYTES = 100_000_000
"""The largest file of people that is read."""

BETWEEN_TITLES = "|"
"""What stands between the titles in a column of a CSV file."""

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_REMEDY = "give user, profile, history, skipped, context, feedback or some of them"


class Person(NamedTuple):
    """What is known of one person.

    `history` are titles of what they liked, oldest first; `skipped` titles of what they were shown of late and did not
    take; `context` says time and device, where the agent sees them; `feedback` is what they wrote of recommendations.
    """

    name: str = ""
    profile: str = ""
    history: Sequence[str] = ()
    skipped: Sequence[str] = ()
    context: Mapping[str, str] = {}
    feedback: str = ""


def read_people(path: Path) -> list[Person]:
    """The people in a `.jsonl` file, an object a line, or a `.csv` file, with titles between `|`.

    Both have any of the names `user`, `profile`, `history`, `skipped`, `feedback` and `context` (`time=18:30
    device=phone` in CSV).

    Raises:
        UsageError: naming file and line.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file; give a .jsonl or a .csv file of people")
    if (size := path.stat().st_size) > FILE_BYTES:
        raise UsageError(f"{path}: {size:,} bytes, more than the {FILE_BYTES:,} that are read; give a part of it")
    if path.suffix not in (".jsonl", ".csv"):
        raise UsageError(f"{path}: ends in {path.suffix!r}; give a .jsonl or a .csv file")
    try:
        text = path.read_bytes().decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, byte {error.start}: not UTF-8; write the file again") from None
    people = _json_lines(path, text) if path.suffix == ".jsonl" else _rows(path, text)
    if not people:
        raise UsageError(f"{path}: nobody is in it; give a line for each person")
    return people


def _json_lines(path: Path, text: str) -> list[Person]:
    people = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            people.append(_person(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}, line {number}: {str(error) or 'nested too deeply'}") from error
    return people


def _person(told: Any) -> Person:
    if not isinstance(told, dict):
        raise ValueError(f"{str(told)[:80]!r} is no object; {_REMEDY}")
    given = dict(told)
    lists = {name: given.pop(name, []) for name in ("history", "skipped")}
    for name, titles in lists.items():
        if not isinstance(titles, list) or not all(isinstance(title, str) for title in titles):
            raise ValueError(f"{name} is {str(titles)[:80]!r}; give a list of titles")
    context = given.pop("context", {})
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise ValueError(f'context is {str(context)[:80]!r}; give an object such as {{"time": "18:30"}}')
    name, profile, feedback = (given.pop(key, "") for key in ("user", "profile", "feedback"))
    if not isinstance(profile, str) or not isinstance(name, str | int):
        raise ValueError(f"user is {str(name)[:80]!r}, profile {str(profile)[:80]!r}; give texts")
    if not isinstance(feedback, str):
        raise ValueError(f"feedback is {str(feedback)[:80]!r}; give a text")
    if given:
        raise ValueError(f"{next(iter(given))[:80]!r} is nothing that is read; {_REMEDY}")
    return Person(str(name), profile, lists["history"], lists["skipped"], context, feedback)


def _rows(path: Path, text: str) -> list[Person]:
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True, restval="")
    people = []
    try:
        for row in reader:
            if None in row:
                raise ValueError("has more columns than the first line; mend it")
            told: dict[str, Any] = {name.strip(): value for name, value in row.items()}
            for name in {"history", "skipped"} & told.keys():
                told[name] = [title.strip() for title in told[name].split(BETWEEN_TITLES) if title.strip()]
            if "context" in told:
                told["context"] = said_context(told["context"].split())
            people.append(_person(told))
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}") from error
    return people


def said_context(words: Sequence[str]) -> dict[str, str]:
    """`time=18:30 device=phone` by name.

    Raises:
        ValueError: a word is no `name=value`.
    """
    pairs = [word.partition("=") for word in words]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise ValueError(f"context is {name + sign + value!r}; write name=value, such as time=18:30")
    return {name: value for name, _, value in pairs}


def _time(text: str) -> list[float]:
    """Cosine and sine of the time of day, as `DailyRhythm` has it."""
    if not (clock := _CLOCK.fullmatch(text)):
        raise ValueError(f"time is {text[:80]!r}; give hours and minutes, such as 18:30")
    angle = 2 * np.pi * (60 * int(clock[1]) + int(clock[2])) / (24 * 60)
    return [float(np.cos(angle)), float(np.sin(angle))]


def _device(text: str) -> list[float]:
    """1 on a phone, as `Device` has it."""
    if text not in ("phone", "other"):
        raise ValueError(f"device is {text[:80]!r}; give phone or other")
    return [float(text == "phone")]


_SEEN = {"DailyRhythm": ("time", _time), "Device": ("device", _device)}
"""What people say of each part of the dynamics that the platform sees, and what that makes of its columns."""


def context_values(people: Sequence[Person], parts: Sequence[Any]) -> Floats:
    """What the agent sees of everybody's context, [n, size]: the columns of the visible `parts` of the dynamics.

    Raises:
        ValueError: something that the agent sees is not said, or something is said that it does not see.
    """
    known = [_SEEN[type(part).__name__] for part in parts]
    names = [name for name, _ in known]
    for person in people:
        who = f" of {person.name}" if person.name else ""
        if unseen := [name for name in person.context if name not in names]:
            sees = ", ".join(names) or "no context"
            raise ValueError(f"context{who} says {unseen[0]!r}, but the agent sees {sees}; leave it out")
        if unsaid := [name for name in names if name not in person.context]:
            raise ValueError(f"context{who} does not say the {unsaid[0]}, which the agent sees; give {_example(names)}")
    values = [[value for name, read in known for value in read(person.context[name])] for person in people]
    return np.array(values, np.float32).reshape(len(people), -1)


def _example(names: Sequence[str]) -> str:
    return " ".join({"time": "time=18:30", "device": "device=phone"}[name] for name in names)
