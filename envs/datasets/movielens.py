"""MovieLens-100K: 100,000 ratings of 1,682 films by 943 people, in RecBole's tab-separated "atomic files".

F. M. Harper and J. A. Konstan (2015), The MovieLens Datasets: History and Context.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recloop.envs.datasets.dataset import Attributes, Dataset
from recloop.envs.interactions import Interactions

_ARTICLE_LAST = re.compile(r"^(.*), (The|A|An|Le|La|Les|Il|El|Das|Der|Die)$")  # "Usual Suspects, The"
_LARGEST = 1e12  # stars or seconds
_GENDERS = {"M": "male", "F": "female"}
_COLUMNS = {
    "item": ("item_id", "movie_title", "release_year", "class"),
    "user": ("user_id", "age", "gender", "occupation"),
    "inter": ("user_id", "item_id", "rating", "timestamp"),
}


@dataclass(frozen=True)
class MovieLens:
    """Reader of a folder with `NAME.item`, `NAME.user` and `NAME.inter`.

    Args:
        folder: where the files are.
        name: of the data set and its files.
    """

    folder: str
    name: str = "ml-100k"

    def read(self) -> Dataset:
        """Read the files.

        Raises:
            FileNotFoundError: naming the file that is missing.
            ValueError: naming file, line and column of the first value that cannot be read.
        """
        paths = [Path(self.folder) / f"{self.name}.{kind}" for kind in _COLUMNS]
        for path in paths:
            if not path.is_file():
                raise FileNotFoundError(f"{path} is missing; give the folder of {self.name} in RecBole's atomic format")
        contents = [path.read_bytes() for path in paths]
        items, users, ratings = map(_rows, paths, contents, _COLUMNS.values())
        return Dataset(
            name=self.name,
            items=[_film(row) for row in items],
            users=[_person(row) for row in users],
            interactions=_interactions(
                paths[2], ratings, _numbered(paths[0], items, "item_id"), _numbered(paths[1], users, "user_id")
            ),
            fingerprint=hashlib.sha256(b"".join(contents)).hexdigest(),
        )


def _rows(path: Path, content: bytes, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        text = io.StringIO(content.decode(), newline="")
        table = list(csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, byte {error.start}: not UTF-8; fetch the file again") from None
    except csv.Error as error:
        raise ValueError(f"{path}: no table ({error}); fetch the file again") from None
    names = [name.split(":")[0] for name in table[0]] if table else []
    for column in columns:
        if column not in names:
            raise ValueError(f"{path}, line 1: no column {column}; fetch the file again")
    for number, values in enumerate(table, start=1):
        if len(values) != len(names):
            found = f"{len(values)} columns instead of {len(names)}"
            raise ValueError(f"{path}, line {number}: {found}; fetch the file again")
    return [dict(zip(names, values, strict=True)) for values in table[1:]]


def _film(row: dict[str, str]) -> Attributes:
    genres = row["class"].split() or ["unknown"]
    title = _ARTICLE_LAST.sub(r"\2 \1", row["movie_title"].strip())
    return {"title": title, "year": row["release_year"], "genres": ", ".join(genres), "group": genres[0]}


def _person(row: dict[str, str]) -> Attributes:
    return {"age": row["age"], "gender": _GENDERS.get(row["gender"], row["gender"]), "occupation": row["occupation"]}


def _numbered(path: Path, rows: Sequence[dict[str, str]], key: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, row in enumerate(rows):
        if numbers.setdefault(row[key], number) != number:
            raise ValueError(f"{path}, line {number + 2}: {key} {row[key]!r} comes twice; fetch the file again")
    return numbers


def _interactions(
    path: Path, rows: Sequence[dict[str, str]], items: dict[str, int], users: dict[str, int]
) -> Interactions:
    def column(name: str, read: Callable[[str], float]) -> list[float]:
        values = []
        for number, row in enumerate(rows, start=2):
            try:
                values.append(read(row[name]))
            except (KeyError, ValueError):
                raise ValueError(f"{path}, line {number}: {name} is {row.get(name)!r}; fetch the file again") from None
        return values

    return Interactions.sort(
        users=np.array(column("user_id", users.__getitem__), np.int64),
        items=np.array(column("item_id", items.__getitem__), np.int64),
        ratings=np.array(column("rating", _number), np.float32),
        times=np.array(column("timestamp", _number), np.float64).astype(np.int64),
        num_users=len(users),
        num_items=len(items),
    )


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise ValueError
    return number
