"""The reader of Book-Crossing, on eleven books and eleven people of whom ten are in the 10-core."""

from pathlib import Path

import pytest

from recloop.envs.datasets.book_crossing import STARS_UNRATED, BookCrossing
from recloop.envs.datasets.dataset import Dataset

BOOKS = (
    '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S"\r\n'
    '"i0";"The Word \\"Desire\\"; K\xc3?\xc2\xb6nig";"Rikki Ducornet";"1997";"Henry Holt &amp; Company";"http"\r\n'
    '"i1";"Emma";"NULL";"0";"Penguin";"http"\r\n'
    + "".join(f'"i{book}";"Book {book}";"Ann";"2000";"Dell";"http"\r\n' for book in range(2, 11))
)
USERS = '"User-ID";"Location";"Age"\r\n"0";"porto, n/a, portugal";"18"\r\n"1";"n/a, n/a, n/a";NULL\r\n' + "".join(
    f'"{user}";"nyc, new york, usa";"{200 + user}"\r\n' for user in range(2, 11)
)
CORE = [(user, f"i{book}", 10 - (user + book) % 11) for user in range(10) for book in range(10)]
OTHERS = [(10, "i0", 9), (0, "i10", 9), (0, "unlisted", 9)]


def write(folder: Path, ratings: list[tuple[int, str, int]]) -> Path:
    lines = ['"User-ID";"ISBN";"Book-Rating"', *(f'"{user}";"{isbn}";"{points}"' for user, isbn, points in ratings)]
    for name, text in {"Books": BOOKS, "Users": USERS, "Book-Ratings": "\r\n".join([*lines, ""])}.items():
        (folder / f"BX-{name}.csv").write_bytes(text.encode("latin-1"))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, [*OTHERS, *CORE])


def read(folder: Path) -> Dataset:
    return BookCrossing(str(folder)).read()


def test_the_core_is_what_everybody_and_every_book_has_ten_ratings_in(folder: Path) -> None:
    dataset = read(folder)
    assert (len(dataset.users), len(dataset.items), len(dataset.interactions.ratings)) == (10, 10, 100)


def test_a_book_that_falls_below_ten_takes_its_readers_along(tmp_path: Path) -> None:
    assert len(read(write(tmp_path, CORE[:-1])).interactions.ratings) == 0


def test_ratings_are_half_stars_and_those_of_0_neither_liked_nor_disliked(folder: Path) -> None:
    logged = read(folder).interactions
    first = {
        item: stars for user, item, stars in zip(logged.users, logged.items, logged.ratings, strict=True) if not user
    }
    assert (first[0], first[2], first[3]) == (5, 4, 3.5)
    assert logged.ratings[logged.users == 1].tolist()[9] == STARS_UNRATED


def test_the_time_of_a_rating_is_its_row(folder: Path) -> None:
    logged = read(folder).interactions
    assert logged.times.tolist() == list(range(len(OTHERS), len(OTHERS) + 100))
    assert logged.items[:3].tolist() == [0, 1, 2]


def test_books_are_read_with_their_letters_mended(folder: Path) -> None:
    assert read(folder).items[0] == {
        "title": 'The Word "Desire"; König',
        "author": "Rikki Ducornet",
        "publisher": "Henry Holt & Company",
        "year": "1997",
        "group": "Rikki Ducornet",
    }


def test_what_is_not_known_of_a_book_or_a_person_is_absent(folder: Path) -> None:
    dataset = read(folder)
    assert dataset.items[1] == {"title": "Emma", "publisher": "Penguin", "group": "unknown"}
    assert dataset.users[:3] == [{"age": "18", "place": "porto, portugal"}, {}, {"place": "nyc, new york, usa"}]


@pytest.mark.parametrize("name", ["Books", "Users", "Book-Ratings"])
def test_a_file_that_is_missing_changed_or_cut_is_named(folder: Path, name: str) -> None:
    path, before = folder / f"BX-{name}.csv", read(folder).fingerprint
    path.write_bytes(path.read_bytes() + b"\r\n")
    assert read(folder).fingerprint != before
    path.write_bytes(path.read_bytes() + b'"1";"x"\r\n')
    with pytest.raises(ValueError, match=rf"BX-{name}\.csv, line \d+: 2 columns instead of"):
        read(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"BX-{name}\.csv is missing"):
        read(folder)


@pytest.mark.parametrize(
    ("line", "complaint"), [('"0";"i1";"ten"', "Book-Rating is 'ten'"), ('"x";"i1";"3"', "User-ID is")]
)
def test_a_value_that_cannot_be_read_is_named(folder: Path, line: str, complaint: str) -> None:
    path = folder / "BX-Book-Ratings.csv"
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(ValueError, match=rf"BX-Book-Ratings\.csv, line \d+: {complaint}"):
        read(folder)
