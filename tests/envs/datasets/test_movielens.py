"""The reader of RecBole's atomic files, on three films and two people."""

from pathlib import Path

import pytest

from recloop.envs.datasets.dataset import Dataset
from recloop.envs.datasets.movielens import MovieLens

FILES = {
    "item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "1\tToy Story\t1995\tAnimation Comedy\n2\tUsual Suspects, The\t1995\tCrime\n9\tUnknown\t\t\n",
    "user": "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
    "7\t24\tM\ttechnician\t85711\n3\t53\tF\tother\t94043\n",
    "inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    "3\t9\t2\t881250949\n7\t2\t5\t891717742\n7\t1\t3\t878887116\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, text in FILES.items():
        (tmp_path / f"ml-100k.{kind}").write_text(text)
    return tmp_path


def read(folder: Path) -> Dataset:
    return MovieLens(str(folder)).read()


def test_films_are_read_with_the_article_in_front(folder: Path) -> None:
    films = read(folder).items
    assert films[0] == {"title": "Toy Story", "year": "1995", "genres": "Animation, Comedy", "group": "Animation"}
    assert films[1]["title"] == "The Usual Suspects"
    assert films[2]["group"] == "unknown"


def test_people_are_read_in_words(folder: Path) -> None:
    people = read(folder).users
    assert people == [
        {"age": "24", "gender": "male", "occupation": "technician"},
        {"age": "53", "gender": "female", "occupation": "other"},
    ]


def test_ratings_refer_to_rows_and_are_sorted(folder: Path) -> None:
    logged = read(folder).interactions
    assert logged.users.tolist() == [0, 0, 1]
    assert logged.items.tolist() == [0, 1, 2]
    assert logged.ratings.tolist() == [3, 5, 2]
    assert (logged.num_users, logged.num_items) == (2, 3)


@pytest.mark.parametrize(
    ("kind", "old", "new"), [("item", "Toy", "Joy"), ("user", "53", "54"), ("inter", "\t5\t", "\t4\t")]
)
def test_the_fingerprint_changes_with_any_file(folder: Path, kind: str, old: str, new: str) -> None:
    before = read(folder).fingerprint
    assert read(folder).fingerprint == before
    path = folder / f"ml-100k.{kind}"
    path.write_text(path.read_text().replace(old, new))
    assert read(folder).fingerprint != before


@pytest.mark.parametrize("kind", FILES)
def test_a_missing_file_is_named(folder: Path, kind: str) -> None:
    (folder / f"ml-100k.{kind}").unlink()
    with pytest.raises(FileNotFoundError, match=rf"ml-100k\.{kind} is missing"):
        read(folder)


@pytest.mark.parametrize("kind", FILES)
def test_a_line_cut_short_is_named(folder: Path, kind: str) -> None:
    path = folder / f"ml-100k.{kind}"
    path.write_text(path.read_text() + "7\t1\n")
    number = len(FILES[kind].splitlines()) + 1
    with pytest.raises(ValueError, match=rf"ml-100k\.{kind}, line {number}: 2 columns instead of"):
        read(folder)


@pytest.mark.parametrize("kind", FILES)
def test_an_empty_file_is_named(folder: Path, kind: str) -> None:
    (folder / f"ml-100k.{kind}").write_text("")
    with pytest.raises(ValueError, match=rf"ml-100k\.{kind}.*fetch the file again"):
        read(folder)


@pytest.mark.parametrize(
    ("column", "line"),
    [
        ("user_id", "8\t1\t3\t5"),
        ("item_id", "7\t5\t3\t5"),
        ("rating", "7\t1\tx\t5"),
        ("rating", "7\t1\tnan\t5"),
        ("rating", "7\t1\t1e300\t5"),
        ("timestamp", "7\t1\t3\t?"),
        ("timestamp", "7\t1\t3\tinf"),
        ("timestamp", "7\t1\t3\t1e30"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_by_line_and_column(folder: Path, column: str, line: str) -> None:
    path = folder / "ml-100k.inter"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=rf"ml-100k\.inter, line 5: {column} is "):
        read(folder)


@pytest.mark.parametrize(("kind", "column"), [("item", "movie_title"), ("user", "age"), ("inter", "rating")])
def test_a_missing_column_is_named(folder: Path, kind: str, column: str) -> None:
    path = folder / f"ml-100k.{kind}"
    path.write_text(path.read_text().replace(column, "other"))
    with pytest.raises(ValueError, match=rf"ml-100k\.{kind}.*{column}"):
        read(folder)


def test_bytes_that_are_no_text_are_named(folder: Path) -> None:
    (folder / "ml-100k.user").write_bytes(FILES["user"].encode() + b"\xff\xfe\t1\tM\tx\t1\n")
    with pytest.raises(ValueError, match=r"ml-100k\.user"):
        read(folder)


@pytest.mark.parametrize(("kind", "key", "line"), [("item", "item_id", 5), ("user", "user_id", 4)])
def test_a_line_that_comes_twice_is_named(folder: Path, kind: str, key: str, line: int) -> None:
    path = folder / f"ml-100k.{kind}"
    path.write_text(path.read_text() + FILES[kind].splitlines()[1] + "\n")
    with pytest.raises(ValueError, match=rf"ml-100k\.{kind}, line {line}: {key} '\d' comes twice"):
        read(folder)


def test_a_field_without_an_end_is_named(folder: Path) -> None:
    (folder / "ml-100k.item").write_text(FILES["item"] + "x" * 200_000)
    with pytest.raises(ValueError, match=r"ml-100k\.item: no table \(field larger than field limit"):
        read(folder)
