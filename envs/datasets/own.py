"""A data set of one's own: a folder with items, interactions and, if there is anything to say of them, users."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

import numpy as np

from recloop.envs.catalog import Floats
from recloop.envs.datasets.dataset import Attributes, Dataset
from recloop.envs.datasets.npy import own_vectors
from recloop.envs.datasets.parquet import read_parquet
from recloop.envs.datasets.pseudonyms import Pseudonyms
from recloop.envs.datasets.tables import Table, number, read_csv
from recloop.envs.interactions import LIKED, Interactions

MOST_PROBLEMS = 10
"""Complaints about a file."""

_MOST_BYTES = 1_000_000_000
_MOST_CHARACTERS = 20_000
_NOT_CLICKED = 1.0  # stars
_COLUMNS = {"items": ("id",), "users": ("id",), "interactions": ("user", "item", "time")}
_REMEDY = "mend the file"
_TIME = "give seconds since 1970, or an ISO date such as 2024-05-31 or 2024-05-31T18:30:00+02:00"
_CLICKS = {"0": _NOT_CLICKED, "1": LIKED}


@dataclass(frozen=True)
class Own:
    """Reader of `items`, `interactions` and perhaps `users`, each a `.csv` (UTF-8, commas) or a `.parquet` file.

    - items: `id`, and `title` or `text` or both; any further columns are attributes that a template may ask for, of
      which `group` also tells what kind an item is.
    - interactions: `user`, `item`, `time` (seconds since 1970 or ISO dates; UTC where no zone is told), and `rating` (a
      number, higher is better) or `click` (0 or 1).
    - a column `picture` of items is a path within the folder, or empty. Its attribute is a mark with the path and the
      SHA-256 of the file, for encoders that look at pictures (`prompts.item.template="{text}[ {picture}]"`).
    - vectors.npy, which need not be there: a float array [items, dim] in the order of the items, for encoder=given.
    - users: `id` and any attributes. Without the file, users are who has interactions; with it, who has none is left
      out, for the taste of nobody knows whom cannot be simulated.

    Items get the attributes "title" (else the text), "text" (else the title) and "group" (else "all"), users the
    attribute "about": all that is known of them, unless they have a column of that name.

    Args:
        folder: where the files are.
        liked_from: the lowest rating that is a like. Ratings are scaled so that it becomes 4 stars; a click is 4 stars
            and what was shown and not clicked 1.
        pseudonyms: what users are called by; None where nothing but rows is kept of them. They get the attribute
            "pseudonym", and their rows follow its order, so that not even the order of the files is left.
    """

    folder: str
    liked_from: float = LIKED
    pseudonyms: Pseudonyms | None = None

    def __post_init__(self) -> None:
        if not self.liked_from > 0:
            raise ValueError(f"liked_from is {self.liked_from}; give the lowest rating that is a like, above 0")

    def read(self) -> Dataset:
        """Read the files.

        Raises:
            ValueError: with the first thing that is wrong, its file, line and column, and the remedy.
        """
        tables, problems = self.look()
        if problems:
            more = f" (and {len(problems) - 1} more: recloop data check {self.folder})" if problems[1:] else ""
            raise ValueError(problems[0] + more)
        items, logged = tables["items"], tables["interactions"]
        described = [{**_item(row), **_picture(row, Path(self.folder))} for row in items.rows()]
        active = set(logged["user"])
        people = self._called({who: about for who, about in _people(tables).items() if who in active})
        names = [about.get("pseudonym", "") for about in people.values()] if self.pseudonyms else []
        return Dataset(
            name=Path(self.folder).resolve().name,
            items=described,
            users=list(people.values()),
            interactions=Interactions.sort(
                users=logged.refer("user", {who: row for row, who in enumerate(people)}),
                items=logged.refer("item", items.numbered("id")),
                ratings=_stars(logged, self.liked_from),
                times=np.array([seconds(text) for text in logged["time"]], np.int64),
                num_users=len(people),
                num_items=len(items),
            ),
            fingerprint=_fingerprint(tables, described, names),
            vectors=own_vectors(Path(self.folder) / "vectors.npy", len(items)),
        )

    def _called(self, people: Mapping[str, Attributes]) -> dict[str, Attributes]:
        """The same people by id, with their pseudonyms and in the order of these, if they have any."""
        if self.pseudonyms is None:
            return dict(people)
        named = dict(zip(people, self.pseudonyms.of(list(people)), strict=True))
        return {who: {**people[who], "pseudonym": named[who]} for who in sorted(people, key=named.__getitem__)}

    def look(self) -> tuple[dict[str, Table], list[str]]:
        """The tables that can be read, and what is wrong with the files, at most ten complaints about each."""
        tables: dict[str, Table] = {}
        problems: list[str] = []
        if not Path(self.folder).is_dir():
            return {}, [f"{self.folder} is no folder; give one with items.csv and interactions.csv"]
        for name, columns in _COLUMNS.items():
            try:
                if (table := _table(Path(self.folder), name, columns)) is not None:
                    tables[name] = table
            except (ValueError, OSError) as error:
                problems.append(str(error))
        checks = {"items": self._check_items, "users": _check_users, "interactions": self._check_interactions}
        for name in tables:
            problems += islice(checks[name](tables), MOST_PROBLEMS)
        if "items" in tables:
            try:
                own_vectors(Path(self.folder) / "vectors.npy", len(tables["items"]))
            except (ValueError, OSError) as error:
                problems.append(str(error))
        return tables, problems

    def _check_items(self, tables: Mapping[str, Table]) -> Iterator[str]:
        yield from _check_items(tables)
        if "picture" in (table := tables["items"]).columns:
            for row, name in enumerate(table["picture"]):
                if name.strip() and not _is_within(name.strip(), Path(self.folder)):
                    remedy = f"give a path within {self.folder}, or nothing"
                    yield table.complaint(row, f"picture {name.strip()[:80]!r} is no file", remedy)

    def _check_interactions(self, tables: Mapping[str, Table]) -> Iterator[str]:
        table = tables["interactions"]
        if not len(table):
            yield f"{table.path}: no interactions; give a row for each item that a user has met"
            return
        for name, column in (("items", "item"), ("users", "user")):
            if name in tables:
                known = dict.fromkeys(tables[name]["id"], 0)
                yield from table.unreadable(column, known.__getitem__, f"{tables[name].path} has no such id; add it")
        yield from _empty(table, "user")
        yield from table.unreadable("time", seconds, _TIME)
        yield from self._check_answers(table)

    def _check_answers(self, table: Table) -> Iterator[str]:
        given = [column for column in ("rating", "click") if column in table.columns]
        if len(given) != 1:
            yield f"{table.path}: it has {' and '.join(given) or 'no rating and no click'}; give one of the two columns"
            return
        read, remedy = (number, "give a finite number") if given == ["rating"] else (_click, "give 0 or 1")
        bad = table.unreadable(given[0], read, remedy)
        if (first := next(bad, None)) is not None:
            yield from chain([first], bad)
            return
        liked = float((_stars(table, self.liked_from) >= LIKED).mean())
        if liked in (0, 1) and given == ["click"]:
            yield f"{table.path}: every click is {int(liked)}; give what was shown and not clicked (0), and clicks (1)"
        elif liked in (0, 1):
            which, ratings = "every" if liked else "no", [number(text) for text in table["rating"]]
            found = f"{which} rating is a like, {self.liked_from:g} or more"
            yield f"{table.path}: {found}; they go from {min(ratings):g} to {max(ratings):g}: give another liked_from"


def _table(folder: Path, name: str, columns: tuple[str, ...]) -> Table | None:
    """The table called `name`; None if there are no users, who need not be there."""
    found = [path for kind in ("csv", "parquet") if (path := folder / f"{name}.{kind}").is_file()]
    if not found:
        if name == "users":
            return None
        raise ValueError(
            f"{folder / name}.csv is missing; give it with the columns {', '.join(columns)}, or as .parquet"
        )
    if len(found) > 1:
        raise ValueError(f"{found[0]} and {found[1]} are both there; keep one of them")
    if (size := found[0].stat().st_size) > _MOST_BYTES:
        raise ValueError(f"{found[0]}: {size:,} bytes, more than the {_MOST_BYTES:,} that are read; give a part of it")
    content = found[0].read_bytes()
    if found[0].suffix == ".parquet":
        return read_parquet(found[0], content, columns, _REMEDY)
    return read_csv(found[0], content, columns, remedy=_REMEDY)


def _check_items(tables: Mapping[str, Table]) -> Iterator[str]:
    table = tables["items"]
    if not len(table):
        yield f"{table.path}: no items; give a row for each"
    yield from _empty(table, "id")
    yield from table.repeated("id")
    written = [column for column in ("title", "text") if column in table.columns]
    if not written:
        yield f"{table.path}: no column title or text; give one, or rename the column that says what an item is"
        return
    for row, texts in enumerate(zip(*(table[column] for column in written), strict=True)):
        if not any(text.strip() for text in texts):
            yield table.complaint(row, f"{' and '.join(written)} is empty", "write something, or leave the item out")
        if (length := max(map(len, texts))) > _MOST_CHARACTERS:
            yield table.complaint(row, f"a text of {length:,} characters", f"give at most {_MOST_CHARACTERS:,}")


def _check_users(tables: Mapping[str, Table]) -> Iterator[str]:
    yield from _empty(tables["users"], "id")
    yield from tables["users"].repeated("id")


def _empty(table: Table, column: str) -> Iterator[str]:
    for row, value in enumerate(table[column]):
        if not value.strip():
            yield table.complaint(row, f"{column} is empty", "give each its own")


def seconds(text: str) -> int:
    """The seconds since 1970 that a number or an ISO date says; a `ValueError` if it says neither."""
    try:
        return int(number(text))
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _click(text: str) -> float:
    return _CLICKS[f"{number(text):g}"]


def _stars(table: Table, liked_from: float) -> Floats:
    """Ratings and clicks on the scale where 4 is liked, [m]."""
    if "click" in table.columns:
        return np.array([_click(text) for text in table["click"]], np.float32)
    return (np.array([number(text) for text in table["rating"]]) * (LIKED / liked_from)).astype(np.float32)


def _item(row: dict[str, str]) -> Attributes:
    known = {name: value.strip() for name, value in row.items() if name != "id"}
    title, text = known.get("title", ""), known.get("text", "")
    return known | {"title": title or text, "text": text or title, "group": known.get("group") or "all"}


def _is_within(name: str, folder: Path) -> bool:
    """Whether there is such a file in the folder, whose name can stand in a mark."""
    if not name.isprintable() or "<" in name or ">" in name:
        return False
    path = (folder / name).resolve()
    return path.is_relative_to(folder.resolve()) and path.is_file()


def _picture(row: Mapping[str, str], folder: Path) -> Attributes:
    """The mark of the item's picture, as `recloop.encoders.pictured` reads it; none where there is no picture."""
    if "picture" not in row:
        return {}
    name = row["picture"].strip()
    return {"picture": f"<picture {name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}>" if name else ""}


def _fingerprint(tables: Mapping[str, Table], items: Sequence[Attributes], names: Sequence[str]) -> str:
    """SHA-256 of the tables, of the pictures that they name, and of the people's pseudonyms."""
    pictures = [item["picture"] for item in items if item.get("picture")]
    told = [*(table.sha256 for table in tables.values()), *pictures, *names]
    return hashlib.sha256("".join(told).encode()).hexdigest()


def _people(tables: Mapping[str, Table]) -> dict[str, Attributes]:
    """Users by id, in the order of the file, or in that of their first interaction."""
    if "users" not in tables:
        return {who: _person({}) for who in tables["interactions"]["user"]}
    return {row.pop("id"): _person(row) for row in tables["users"].rows()}


def _person(row: dict[str, str]) -> Attributes:
    known = {name: value.strip() for name, value in row.items()}
    return {"about": ", ".join(f"{name} {value}" for name, value in known.items() if value)} | known
