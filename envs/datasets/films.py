"""A table of 17,472 films, with director, cast and country, from Wikidata (CC0), and how films are found in it."""

import hashlib
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recloop.envs.datasets.dataset import Attributes

FILE = "movies.db"

_CAST = 4  # names
_QUERY = 'SELECT "Title", "Year", "Director", "Cast", "Country" FROM "omdb" ORDER BY "ID"'
_YEARS_APART = (0, -1, 1)  # sources differ over festival and cinema
_ARTICLE_LAST = re.compile(r"^(.*), (the|a|an|le|la|les|il|el|das|der|die)( \(.*)?$")
_OF_FILM = re.compile(r"\s*\((\d{4}|[^)]*film[^)]*)\)")  # "Twilight (1998 film)"
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)")  # "Seven (Se7en)"


@dataclass(frozen=True, eq=False)
class FilmTable:
    """What is known of films, by title and year.

    Args:
        films: director, cast and country, as far as they are known, by normalised title and year of release.
        fingerprint: sha256 of the file.
    """

    films: Mapping[tuple[str, int], Attributes]
    fingerprint: str

    @staticmethod
    def read(folder: Path) -> "FilmTable":
        """Read the table `omdb` of the SQLite file `movies.db`. Of films of one name and year the first stands.

        Of the cast, which the file lists by alphabet, those four are kept who play in the most films of the table.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no such table.
        """
        path = folder / FILE
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; give the folder of the film table, or asset:films")
        content = path.read_bytes()
        try:
            rows = _rows(content)
        except (sqlite3.Error, ValueError, OverflowError, MemoryError) as error:
            raise ValueError(f"{path}: no table of films ({_plain(error)}); fetch the file again") from None
        roles = Counter(name for _, _, _, cast, _ in rows for name in _names(cast))
        films: dict[tuple[str, int], Attributes] = {}
        for title, year, director, cast, country in rows:
            stars = sorted(_names(cast), key=lambda name: (-roles[name], name))[:_CAST]
            known = {"director": director.strip(), "cast": ", ".join(stars), "country": country.strip()}
            films.setdefault((normalised(title), year), {name: value for name, value in known.items() if value})
        return FilmTable(films, hashlib.sha256(content).hexdigest())

    def find(self, title: str, year: int) -> Attributes:
        """What is known of a film; nothing if the table has it not.

        The year may be one off, and the table need not have what the title says in brackets.
        """
        names = (normalised(title), normalised(_IN_BRACKETS.sub("", title)))
        found = (self.films.get((name, year + apart)) for name in names for apart in _YEARS_APART)
        return next((film for film in found if film is not None), {})


def _rows(content: bytes) -> list[tuple[str, int, str, str, str]]:
    if not content:
        raise sqlite3.DatabaseError("it is empty")
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(content)
        kinds = database.execute("SELECT type FROM sqlite_master WHERE name = 'omdb'").fetchall()
        if kinds != [("table",)]:
            raise sqlite3.DatabaseError("no table omdb")
        rows = database.execute(_QUERY).fetchall()
    finally:
        database.close()
    return [(str(title), int(year), *map(_text, rest)) for title, year, *rest in rows if str(year).isdecimal()]  # type: ignore[misc]


def _plain(error: Exception) -> str:
    """What SQLite says, which may quote the file."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(error))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _names(cast: str) -> list[str]:
    return [name for name in map(str.strip, cast.split(",")) if name]


def normalised(title: str) -> str:
    """A title as it is compared: small plain letters and digits, the article in front, what a year tells left out.

    >>> normalised("Misérables, Les (1998 film)")
    'les miserables'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower().strip()
    bare = _ARTICLE_LAST.sub(r"\2 \1\3", _OF_FILM.sub("", plain))
    return re.sub(r"[^a-z0-9]+", " ", bare.replace("&", "and")).strip()
