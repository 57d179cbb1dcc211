"""The reader of MovieLens-1M and the film table, on four films, two people and a table of five rows."""

import sqlite3
from pathlib import Path

import pytest

from recloop.envs.datasets.dataset import Dataset
from recloop.envs.datasets.films import FilmTable, normalised
from recloop.envs.datasets.movielens_1m import MovieLens1M

FILES = {
    "item": "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\r\n"
    "Postino, Il (The Postman) (1994)\tPostino, Il (The Postman)\t1994\tDrama Romance\r\n"
    "Usual Suspects, The (1995)\tUsual Suspects, The\t1995\tCrime\r\n"
    "Heat (1995)\tHeat\t1995\tAction\r\n"
    "Alien (1979)\tAlien\t1979\tHorror\r\n",
    "user": "user_id:token\tage:float\tgender:token\toccupation:float\tzip_code:token\r\n"
    "1m_1\t1\tF\t10\t48067\r\n1m_2\t56\tM\t16\t70072\r\n",
    "inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n"
    "1m_2\tHeat (1995)\t5\t978300760\r\n1m_1\tUsual Suspects, The (1995)\t3\t978302109\r\n"
    "1m_1\tHeat (1995)\t4\t978300275\r\n1m_1\tAlien (1979)\t2\t978300275\r\n",
}
FILMS = [
    ("Heat", 1986, "Dick Richards", "Burt Reynolds", "United States"),
    (
        "Heat",
        1995,
        "Michael Mann",
        "Al Pacino, Amy Brenneman, Burt Reynolds, Robert De Niro, Val Kilmer",
        "United States",
    ),
    ("Heat", 1995, "Nobody", "", ""),
    ("The Usual Suspects", 1996, "Bryan Singer", "", None),
    ("Alien", 1981, "Ridley Scott", "Sigourney Weaver", "United Kingdom"),
]


def write_films(path: Path, rows: list[tuple[str, int, str, str, str | None]]) -> None:
    with sqlite3.connect(path) as database:
        columns = '"ID" INTEGER PRIMARY KEY, "Title", "Year", "Director", "Cast", "Country"'
        database.execute(f"CREATE TABLE omdb ({columns})")
        names = '"Title", "Year", "Director", "Cast", "Country"'
        database.executemany(f"INSERT INTO omdb ({names}) VALUES (?, ?, ?, ?, ?)", rows)
    database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, text in FILES.items():
        (tmp_path / f"ml-1m.{kind}").write_text(text, newline="")
    write_films(tmp_path / "movies.db", list(FILMS))
    return tmp_path


def read(folder: Path) -> Dataset:
    return MovieLens1M(str(folder), str(folder)).read()


def test_a_film_of_the_same_title_and_year_lends_director_cast_and_country(folder: Path) -> None:
    heat = read(folder).items[2]
    assert (heat["director"], heat["country"]) == ("Michael Mann", "United States")


def test_those_of_the_cast_who_play_in_most_films_come_first_and_four_are_kept(folder: Path) -> None:
    assert read(folder).items[2]["cast"] == "Burt Reynolds, Al Pacino, Amy Brenneman, Robert De Niro"


def test_a_year_may_be_one_off_and_what_the_table_does_not_know_is_absent(folder: Path) -> None:
    suspects = read(folder).items[1]
    assert suspects["director"] == "Bryan Singer"
    assert {"cast", "country"}.isdisjoint(suspects)


def test_what_a_title_says_in_brackets_need_not_be_in_the_table() -> None:
    table = FilmTable({("seven", 1995): {"director": "David Fincher"}, ("twilight", 1998): {}}, "")
    assert table.find("Seven (Se7en)", 1995) == {"director": "David Fincher"}
    assert table.find("Six (Se7en)", 1995) == {}


def test_a_film_of_another_time_is_not_the_same_film(folder: Path) -> None:
    assert "director" not in read(folder).items[3]


def test_the_article_stands_in_front_of_a_title_with_a_translation(folder: Path) -> None:
    assert [film["title"] for film in read(folder).items[:2]] == ["Il Postino (The Postman)", "The Usual Suspects"]


def test_the_share_of_ratings_that_are_joined_is_a_figure(folder: Path) -> None:
    assert read(folder).figures == {"ratings_joined": 0.75}


def test_codes_of_people_are_read_in_words(folder: Path) -> None:
    assert read(folder).users == [
        {"age": "under 18", "gender": "female", "occupation": "school student"},
        {"age": "over 55", "gender": "male", "occupation": "self-employed person"},
    ]


def test_the_fingerprint_changes_with_the_film_table(folder: Path) -> None:
    before = read(folder).fingerprint
    assert read(folder).fingerprint == before
    (folder / "movies.db").unlink()
    write_films(folder / "movies.db", list(FILMS[:2]))
    assert read(folder).fingerprint != before


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Misérables, Les", "les miserables"),
        ("The Good, the Bad & the Ugly", "the good the bad and the ugly"),
        ("Twilight (1998 film)", "twilight"),
        ("Heat (1995)", "heat"),
        ("M*A*S*H", "m a s h"),
        ("", ""),
    ],
)
def test_titles_are_compared_without_accents_signs_and_years(title: str, name: str) -> None:
    assert normalised(title) == name


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(100), b"no database", bytes(5000)])
def test_a_file_that_is_no_table_of_films_is_named(folder: Path, content: bytes) -> None:
    (folder / "movies.db").write_bytes(content)
    with pytest.raises(ValueError, match=r"movies\.db: no table of films \(.*\); fetch the file again"):
        read(folder)


def test_a_query_in_the_place_of_the_table_is_not_run(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "movies.db") as database:
        database.execute(
            "CREATE VIEW omdb AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n"
        )
    database.close()
    with pytest.raises(ValueError, match="no table omdb"):
        FilmTable.read(tmp_path)


def test_a_missing_table_is_named(folder: Path) -> None:
    (folder / "movies.db").unlink()
    with pytest.raises(FileNotFoundError, match=r"movies\.db is missing"):
        read(folder)
