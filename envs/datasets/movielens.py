"""MovieLens-100K: 100,000 ratings of 1,682 films by 943 people, in RecBole's tab-separated "atomic files".

F. M. Harper and J. A. Konstan (2015), The MovieLens Datasets: History and Context.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recloop.envs.datasets.dataset import Attributes, Dataset
from recloop.envs.datasets.tables import Table, Tabs, read_csv
from recloop.envs.interactions import Interactions

_ARTICLE_LAST = re.compile(r"^(.*), (The|A|An|Le|La|Les|Il|El|Das|Der|Die)$")  # "Usual Suspects, The"
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
        (items, users, ratings), fingerprint = read_atomic_files(Path(self.folder), self.name, _COLUMNS)
        return Dataset(
            name=self.name,
            items=[_film(row) for row in items.rows()],
            users=[_person(row) for row in users.rows()],
            interactions=interactions(items, users, ratings),
            fingerprint=fingerprint,
        )


def read_atomic_files(folder: Path, name: str, columns: Mapping[str, Sequence[str]]) -> tuple[list[Table], str]:
    """The files `NAME.KIND` of RecBole's, with the columns that each must have, and the SHA-256 of all of them."""
    paths = [folder / f"{name}.{kind}" for kind in columns]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; give the folder of {name} in RecBole's atomic format")
    contents = [path.read_bytes() for path in paths]
    tables = [read_csv(*file, dialect=Tabs) for file in zip(paths, contents, columns.values(), strict=True)]
    return tables, hashlib.sha256(b"".join(contents)).hexdigest()


def interactions(items: Table, users: Table, ratings: Table) -> Interactions:
    """The ratings of three atomic files."""
    return Interactions.sort(
        users=ratings.refer("user_id", users.numbered("user_id")),
        items=ratings.refer("item_id", items.numbered("item_id")),
        ratings=ratings.numbers("rating"),
        times=ratings.seconds("timestamp"),
        num_users=len(users),
        num_items=len(items),
    )


def _film(row: dict[str, str]) -> Attributes:
    genres = row["class"].split() or ["unknown"]
    title = _ARTICLE_LAST.sub(r"\2 \1", row["movie_title"].strip())
    return {"title": title, "year": row["release_year"], "genres": ", ".join(genres), "group": genres[0]}


def _person(row: dict[str, str]) -> Attributes:
    return {"age": row["age"], "gender": _GENDERS.get(row["gender"], row["gender"]), "occupation": row["occupation"]}
