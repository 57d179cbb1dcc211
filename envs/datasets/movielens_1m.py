"""MovieLens-1M: 1,000,209 ratings of 3,883 films by 6,040 people, joined with director, cast and country.

F. M. Harper and J. A. Konstan (2015), The MovieLens Datasets: History and Context.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recloop.envs.datasets.dataset import Attributes, Dataset
from recloop.envs.datasets.films import FilmTable
from recloop.envs.datasets.movielens import interactions, read_atomic_files

_ARTICLE_LAST = re.compile(r"^(.*?), (The|A|An|Le|La|Les|Il|El|Das|Der|Die)\b( \(.*)?$")  # "Postino, Il (The Postman)"
_GENDERS = {"M": "male", "F": "female"}
_COLUMNS = {
    "item": ("item_id", "movie_title", "release_year", "genre"),
    "user": ("user_id", "age", "gender", "occupation"),
    "inter": ("user_id", "item_id", "rating", "timestamp"),
}
_AGES = {
    "1": "under 18", "18": "18 to 24", "25": "25 to 34", "35": "35 to 44", "45": "45 to 49", "50": "50 to 55",
    "56": "over 55",
}  # fmt: skip
_OCCUPATIONS = (
    "other", "educator", "artist", "clerk", "college student", "customer service worker", "doctor", "executive",
    "farmer", "homemaker", "school student", "lawyer", "programmer", "retired person", "salesperson", "scientist",
    "self-employed person", "engineer", "craftsman", "unemployed person", "writer",
)  # fmt: skip
"""In the order of the codes 0 to 20 in the README of the data set."""


@dataclass(frozen=True)
class MovieLens1M:
    """Reader of `ml-1m.item`, `ml-1m.user` and `ml-1m.inter` in RecBole's atomic format, and of a table of films.

    Films are known by title and year, so that a title that the original lists twice is one item. A film found in the
    table, by title and a year that is at most one off, has the attributes director, cast and country as far as the
    table tells them; one that is not found has none of them, and a template has to do without: `[With {cast}.]`.

    Args:
        folder: where the atomic files are.
        films: where `movies.db`, the table of films, is.
    """

    folder: str
    films: str

    def read(self) -> Dataset:
        """Read the files; the figure "ratings_joined" is the share of ratings whose film the table has.

        Raises:
            FileNotFoundError: naming the file that is missing.
            ValueError: naming file, line and column of the first value that cannot be read.
        """
        (items, users, ratings), fingerprint = read_atomic_files(Path(self.folder), "ml-1m", _COLUMNS)
        table = FilmTable.read(Path(self.films))
        years = items.seconds("release_year").tolist()
        found = [table.find(title, year) for title, year in zip(items["movie_title"], years, strict=True)]
        logged = interactions(items, users, ratings)
        joined = np.array([bool(film) for film in found], bool)[logged.items]  # [m]
        return Dataset(
            name="ml-1m",
            items=[_film(row) | dict(known) for row, known in zip(items.rows(), found, strict=True)],
            users=[_person(row) for row in users.rows()],
            interactions=logged,
            fingerprint=hashlib.sha256((fingerprint + table.fingerprint).encode()).hexdigest(),
            figures={"ratings_joined": float(joined.mean())} if len(joined) else {},
        )


def _film(row: dict[str, str]) -> dict[str, str]:
    genres = row["genre"].split() or ["unknown"]
    title = _ARTICLE_LAST.sub(r"\2 \1\3", row["movie_title"].strip())
    return {"title": title, "year": row["release_year"], "genres": ", ".join(genres), "group": genres[0]}


def _person(row: dict[str, str]) -> Attributes:
    code = row["occupation"]
    known = code.isdecimal() and int(code) < len(_OCCUPATIONS)
    return {
        "age": _AGES.get(row["age"], row["age"]),
        "gender": _GENDERS.get(row["gender"], row["gender"]),
        "occupation": _OCCUPATIONS[int(code)] if known else code,
    }
