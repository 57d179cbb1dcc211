"""Book-Crossing, 10-core: 365,894 ratings of 13,228 books by 6,605 people.

C.-N. Ziegler, S. M. McNee, J. A. Konstan and G. Lausen (2005), Improving Recommendation Lists Through Topic
Diversification.
"""

import csv
import hashlib
import html
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.datasets.dataset import Attributes, Dataset
from recloop.envs.datasets.tables import Table, read_csv
from recloop.envs.interactions import Interactions

STARS_UNRATED = 3.0
"""Of a book that somebody has, but did not rate: the middle of five stars, neither liked nor disliked."""

_STARS_PER_POINT = 0.5
_FEWEST = 10  # ratings of every book, and by every person
_AGES = range(5, 101)  # the others are jokes
_COLUMNS = {
    "Books": ("ISBN", "Book-Title", "Book-Author", "Year-Of-Publication", "Publisher"),
    "Users": ("User-ID", "Location", "Age"),
    "Book-Ratings": ("User-ID", "ISBN", "Book-Rating"),
}
_UNKNOWN = ("", "NULL", "0", "n/a")
_ENCODED_TWICE = re.compile("Ã\\?Â([\x80-\xbf])")  # "KÃ?Â¶nig" was "König"


class Semicolons(csv.Dialect):
    r"""Values in quotes between semicolons, a quote within written as `\\"`."""

    delimiter = ";"
    quotechar = '"'
    escapechar = "\\"
    doublequote = True
    quoting = csv.QUOTE_MINIMAL
    lineterminator = "\r\n"


@dataclass(frozen=True)
class BookCrossing:
    """Reader of a folder with `BX-Books.csv`, `BX-Users.csv` and `BX-Book-Ratings.csv`.

    The 10-core is what is left when ratings of books without an entry in `BX-Books.csv`, and then, as long as there are
    any, books with fewer than 10 ratings and people with fewer than 10 are taken out; ratings of 0 count as ratings. An
    edition is an item.

    Ratings go from 1 to 10 and become half as many stars, so that 8 and more are likes. A rating of 0 says only that
    the person has the book (68 % of the 10-core): it becomes 3 stars, neither liked nor disliked. There are no times:
    a person's ratings come in the order of the file, and the time of one is its row.

    Args:
        folder: where the files are.
    """

    folder: str

    def read(self) -> Dataset:
        """Read the files.

        Raises:
            FileNotFoundError: naming the file that is missing.
            ValueError: naming file, line and column of the first value that cannot be read.
        """
        books, people, ratings = (_table(Path(self.folder), name) for name in _COLUMNS)
        users, items = ratings.refer("User-ID", people.numbered("User-ID")), _known(ratings, books)
        points = ratings.numbers("Book-Rating")
        kept = _core(users, items, len(people), len(books))  # [m]
        who, user = np.unique(users[kept], return_inverse=True)
        what, item = np.unique(items[kept], return_inverse=True)
        return Dataset(
            name="book-crossing",
            items=[_book(books.row(row)) for row in what.tolist()],
            users=[_person(people.row(row)) for row in who.tolist()],
            interactions=Interactions.sort(
                users=user,
                items=item,
                ratings=_stars(points[kept]),
                times=np.flatnonzero(kept),
                num_users=len(who),
                num_items=len(what),
            ),
            fingerprint=hashlib.sha256(f"{books.sha256}{people.sha256}{ratings.sha256}".encode()).hexdigest(),
        )


def _table(folder: Path, name: str) -> Table:
    path = folder / f"BX-{name}.csv"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; give the folder of Book-Crossing, or asset:books")
    return read_csv(path, path.read_bytes(), _COLUMNS[name], Semicolons, encoding="latin-1")


def _known(ratings: Table, books: Table) -> Ints:
    """The row of the book of each rating, -1 for one that is not listed, [rows]."""
    rows = books.numbered("ISBN")
    return np.array([rows.get(isbn, -1) for isbn in ratings["ISBN"]], np.int64)


def _core(users: Ints, items: Ints, num_users: int, num_items: int) -> Bools:
    """The ratings that are left when nobody and no book has fewer than ten, [rows]."""
    kept = items >= 0
    while True:
        of_user = np.bincount(users[kept], minlength=num_users)
        left = kept & (of_user[users] >= _FEWEST)
        of_item = np.bincount(items[left], minlength=num_items)
        left &= of_item[items] >= _FEWEST
        if left.sum() == kept.sum():
            return left
        kept = left


def _stars(points: Floats) -> Floats:
    return np.where(points > 0, points * _STARS_PER_POINT, STARS_UNRATED).astype(np.float32)


def _book(row: dict[str, str]) -> Attributes:
    title, author, publisher = (_mended(row[column]) for column in ("Book-Title", "Book-Author", "Publisher"))
    known = {"author": author, "publisher": publisher, "year": row["Year-Of-Publication"]}
    group = {"group": author if author not in _UNKNOWN else "unknown"}
    return (
        {"title": title or row["ISBN"]}
        | {name: value for name, value in known.items() if value not in _UNKNOWN}
        | group
    )


def _mended(text: str) -> str:
    """Letters as they were before the file was made: signs of HTML, and what was encoded twice."""
    return _ENCODED_TWICE.sub(lambda found: chr(ord(found[1]) + 0x40), html.unescape(text)).strip()


def _person(row: dict[str, str]) -> Attributes:
    """The age, if it can be one, and the place, as far as it is known: "porto, portugal"."""
    place = ", ".join(part for part in map(str.strip, row["Location"].split(",")) if part not in _UNKNOWN)
    age = row["Age"] if row["Age"].isdecimal() and int(row["Age"]) in _AGES else ""
    return {name: value for name, value in {"age": age, "place": place}.items() if value}
