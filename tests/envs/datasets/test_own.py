"""The reader of a folder of one's own, on three items and two people, in CSV and in Parquet."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recloop.envs.datasets.dataset import Dataset
from recloop.envs.datasets.own import MOST_PROBLEMS, Own, seconds

FILES = {
    "items": 'id,title,author,group\na,Dune,Herbert,novel\nb,"Emma, a novel",,\nc,Ulysses,Joyce,novel\n',
    "users": "id,age,city\n7,31,Oslo\n8,,Rome\n9,40,Paris\n",
    "interactions": "user,item,rating,time\n8,c,2,2024-05-02\n7,a,5,2024-05-01T12:00:00+02:00\n7,b,3,1714521600\n",
}
CLICKS = "user,item,click,time\n8,c,0,2\n7,a,1,1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def read(folder: Path) -> Dataset:
    return Own(str(folder)).read()


def problems(folder: Path) -> list[str]:
    return Own(str(folder)).look()[1]


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    path = folder / f"{name}.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    return folder


def test_columns_of_items_are_attributes_and_a_title_is_a_text(folder: Path) -> None:
    items = read(folder).items
    assert items[0] == {"title": "Dune", "text": "Dune", "author": "Herbert", "group": "novel"}
    assert items[1] == {"title": "Emma, a novel", "text": "Emma, a novel", "author": "", "group": "all"}


PICTURED = "id,title,picture\na,Dune,covers/dune.png\nb,Emma,\nc,Ulysses, \n"


def pictured(folder: Path) -> Path:
    (folder / "items.csv").write_text(PICTURED)
    (folder / "covers").mkdir()
    (folder / "covers" / "dune.png").write_bytes(b"pixels")
    return folder


def test_a_picture_is_marked_with_its_path_and_what_it_holds(folder: Path) -> None:
    pixels = "6ec9c2b0eb14010746c8bce8939303b382344b296206612eb8a907a37b2b2f37"
    items = read(pictured(folder)).items
    assert [item["picture"] for item in items] == [f"<picture covers/dune.png {pixels}>", "", ""]


def test_another_picture_is_another_data_set(folder: Path) -> None:
    before = read(pictured(folder)).fingerprint
    (folder / "covers" / "dune.png").write_bytes(b"other pixels")
    assert read(folder).fingerprint != before


@pytest.mark.parametrize("name", ["covers/emma.png", "../outside.png", "/etc/hostname", "covers", "a<b>.png"])
def test_a_picture_that_is_no_file_of_the_folder_is_named_with_its_line(folder: Path, name: str) -> None:
    (folder.parent / "outside.png").write_bytes(b"pixels")
    (complaint,) = problems(changed(pictured(folder), "items", "covers/dune.png", name))
    assert f"items.csv, line 2: picture {name!r} is no file; give a path within" in complaint


def test_a_text_is_a_title_where_there_is_no_other(folder: Path) -> None:
    items = read(changed(folder, "items", "title", "text")).items
    assert (items[0]["title"], items[0]["text"]) == ("Dune", "Dune")


def test_users_come_with_what_is_known_of_them_and_those_who_did_nothing_are_left_out(folder: Path) -> None:
    assert read(folder).users == [
        {"age": "31", "city": "Oslo", "about": "age 31, city Oslo"},
        {"age": "", "city": "Rome", "about": "city Rome"},
    ]


def test_without_a_file_of_users_they_are_who_has_interactions(folder: Path) -> None:
    (folder / "users.csv").unlink()
    dataset = read(folder)
    assert dataset.users == [{"about": ""}, {"about": ""}]
    assert dataset.interactions.users.tolist() == [0, 1, 1]


def test_interactions_are_sorted_by_user_and_time(folder: Path) -> None:
    logged = read(folder).interactions
    assert logged.users.tolist() == [0, 0, 1]
    assert logged.items.tolist() == [1, 0, 2]
    assert logged.ratings.tolist() == [3, 5, 2]
    assert logged.times.tolist() == [1714521600, 1714557600, 1714608000]


def test_clicks_are_liked_or_not(folder: Path) -> None:
    (folder / "interactions.csv").write_text(CLICKS)
    assert read(folder).interactions.ratings.tolist() == [4, 1]


def test_ratings_are_scaled_so_that_the_lowest_like_is_four_stars(folder: Path) -> None:
    assert Own(str(folder), liked_from=5).read().interactions.ratings.tolist() == pytest.approx([2.4, 4, 1.6])


def test_parquet_is_read_like_csv(folder: Path, tmp_path: Path) -> None:
    expected = read(folder)
    for name in FILES:
        (folder / f"{name}.csv").unlink()
    times = [datetime(2024, 5, 2, tzinfo=UTC), datetime(2024, 5, 1, 10, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)]
    authors, titles = ["Herbert", None, "Joyce"], ["Dune", "Emma, a novel", "Ulysses"]
    columns = {
        "items": {"id": ["a", "b", "c"], "title": titles, "author": authors, "group": ["novel", "", "novel"]},
        "users": {"id": [7, 8, 9], "age": [31.0, None, 40.0], "city": ["Oslo", "Rome", "Paris"]},
        "interactions": {"user": [8, 7, 7], "item": ["c", "a", "b"], "rating": [2.0, 5.0, 3.0], "time": times},
    }
    for name, values in columns.items():
        pq.write_table(pa.table(values), folder / f"{name}.parquet")
    found = read(folder)
    assert (found.items, found.users) == (expected.items, expected.users)
    assert found.interactions.times.tolist() == expected.interactions.times.tolist()
    assert found.interactions.ratings.tolist() == expected.interactions.ratings.tolist()


@pytest.mark.parametrize("name", FILES)
def test_the_fingerprint_changes_with_any_file(folder: Path, name: str) -> None:
    before = read(folder).fingerprint
    assert read(folder).fingerprint == before
    (folder / f"{name}.csv").write_text(FILES[name] + "\n")
    assert read(folder).fingerprint != before


WRONG = [
    ("items", "id,", "key,", r"items\.csv: no column id among 'key, title"),
    ("items", "title", "name", r"items\.csv: no column title or text"),
    ("items", "b,", "a,", r"items\.csv, line 3: id 'a' comes twice"),
    ("items", "a,Dune", " ,Dune", r"items\.csv, line 2: id is empty"),
    ("items", "Ulysses", " ", r"items\.csv, line 4: title is empty; write something, or leave the item out"),
    ("items", "Ulysses", "x" * 30_000, r"items\.csv, line 4: a text of 30,000 characters"),
    ("items", ",Joyce", "", r"items\.csv, line 4: 3 columns instead of 4"),
    ("items", '"Emma', 'x"Emma"', r"items\.csv, line 3: 5 columns instead of 4"),
    ("items", 'novel"', "novel", r"items\.csv: no table \(.*\); mend"),
    ("items", "author", "title", r"items\.csv: column 'title' comes twice"),
    ("users", "8", "7", r"users\.csv, line 3: id '7' comes twice"),
    ("interactions", "8,c", "6,c", r"interactions\.csv, line 2: user is '6'; \S*users\.csv has no such id; add it"),
    ("interactions", "8,c", "8,d", r"interactions\.csv, line 2: item is 'd'; \S*items\.csv has no such id; add it"),
    ("interactions", "5,2024", "nan,2024", r"interactions\.csv, line 3: rating is 'nan'; give a finite number"),
    ("interactions", "5,2024", "good,2024", r"interactions\.csv, line 3: rating is 'good'; give a finite number"),
    ("interactions", "5,2024", ",2024", r"interactions\.csv, line 3: rating is ''; give a finite number"),
    ("interactions", "2024-05-02", "yesterday", r"interactions\.csv, line 2: time is 'yesterday'; give seconds"),
    ("interactions", "1714521600", "1714521600000", r"interactions\.csv, line 4: time is '1714521600000'"),
    ("interactions", "5,2024", "1,2024", r"interactions\.csv: no rating is a like, 4 or more; they go from 1 to 3"),
    ("interactions", "rating", "stars", r"interactions\.csv: it has no rating and no click; give one"),
    ("interactions", "item,rating", "click,rating", r"interactions\.csv: no column item"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "complaint"), WRONG, ids=lambda value: str(value)[:20])
def test_what_is_wrong_is_named_with_the_remedy(folder: Path, name: str, old: str, new: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(changed(folder, name, old, new))


def test_clicks_that_are_all_alike_are_refused(folder: Path) -> None:
    (folder / "interactions.csv").write_text(CLICKS.replace("c,0", "c,1"))
    assert problems(folder) == [
        f"{folder}/interactions.csv: every click is 1; give what was shown and not clicked (0), and clicks (1)"
    ]


@pytest.mark.parametrize("value", ["2", "yes", "-1", "0.5", ""])
def test_a_click_is_0_or_1(folder: Path, value: str) -> None:
    (folder / "interactions.csv").write_text(CLICKS.replace("c,0", f"c,{value}"))
    assert problems(folder) == [f"{folder}/interactions.csv, line 2: click is '{value}'; give 0 or 1"]


@pytest.mark.parametrize("name", ["items", "interactions"])
def test_a_file_that_is_missing_or_empty_is_named(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").write_text(FILES[name].splitlines()[0] + "\n")
    assert f"{folder}/{name}.csv: no {name}" in problems(folder)[0]
    (folder / f"{name}.csv").write_text("")
    assert f"{folder}/{name}.csv: no column" in problems(folder)[0]
    (folder / f"{name}.csv").unlink()
    assert f"{folder}/{name}.csv is missing" in problems(folder)[0]


def test_a_folder_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    assert problems(tmp_path / "no") == [f"{tmp_path}/no is no folder; give one with items.csv and interactions.csv"]


def test_a_file_in_two_formats_is_refused(folder: Path) -> None:
    (folder / "items.parquet").touch()
    assert "are both there; keep one of them" in problems(folder)[0]


def test_bytes_that_are_no_text_are_named(folder: Path) -> None:
    (folder / "items.csv").write_bytes(FILES["items"].encode() + b"d,\xff\xfe,,\n")
    assert "items.csv, byte" in problems(folder)[0]
    assert "not UTF-8" in problems(folder)[0]


def test_the_mark_that_spreadsheets_put_in_front_is_no_part_of_a_name(folder: Path) -> None:
    expected = read(folder).items
    (folder / "items.csv").write_bytes(b"\xef\xbb\xbf" + FILES["items"].encode())
    assert read(folder).items == expected


def test_at_most_ten_problems_of_a_file_are_told_and_read_tells_how_many(folder: Path) -> None:
    (folder / "interactions.csv").write_text(FILES["interactions"] + "7,nothing,5,1\n" * 30)
    assert len(problems(folder)) == MOST_PROBLEMS
    with pytest.raises(ValueError, match=r"line 5: .* \(and 9 more: recloop data check "):
        read(folder)


@pytest.mark.parametrize("liked_from", [0, -1])
def test_likes_begin_above_zero(liked_from: float) -> None:
    with pytest.raises(ValueError, match=f"liked_from is {liked_from}"):
        Own("folder", liked_from)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))
def test_an_iso_date_is_its_second(moment: datetime) -> None:
    assert seconds(moment.isoformat()) == int(moment.timestamp())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FILES)), st.sampled_from(["csv", "parquet"]), st.binary(max_size=200), st.booleans())
def test_whatever_a_file_holds_each_problem_is_one_line_that_names_it(
    folder: Path, name: str, kind: str, content: bytes, behind: bool
) -> None:
    for other, text in FILES.items():
        (folder / f"{other}.csv").write_text(text)
        (folder / f"{other}.parquet").unlink(missing_ok=True)
    if kind == "parquet":
        (folder / f"{name}.csv").unlink()
    (folder / f"{name}.{kind}").write_bytes(FILES[name].encode() * behind + content)
    for problem in problems(folder):
        assert problem.startswith(str(folder))
        assert "\n" not in problem
