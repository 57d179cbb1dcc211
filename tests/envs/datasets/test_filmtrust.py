"""The reader of FilmTrust, on three films and two people, of whom one trusts the other."""

from pathlib import Path

import pytest

from recloop.envs.datasets.dataset import Dataset
from recloop.envs.datasets.filmtrust import FilmTrust

FILES = {
    "ratings": "user\tmovie\tscore\nc\tc\tc\nrow=1\tcol=1\tclass\n7\t20\t3.5\n9\t20\t0.5\n7\t30\t4\n7\t10\t3\n",
    "trust": "truster\ttrustee\tscore\nc\tc\tc\nrow=1\tcol=1\tclass\n9\t7\t1\n9\t11\t1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.tab").write_text(text)
    return tmp_path


def read(folder: Path) -> Dataset:
    return FilmTrust(str(folder)).read()


def test_films_are_called_by_their_numbers_and_people_not_at_all(folder: Path) -> None:
    dataset = read(folder)
    assert [film["title"] for film in dataset.items] == ["film 20", "film 30", "film 10"]
    assert dataset.users == [{}, {}]


def test_ratings_of_three_and_a_half_points_and_more_are_likes(folder: Path) -> None:
    logged = read(folder).interactions
    assert logged.users.tolist() == [0, 0, 0, 1]
    assert logged.ratings.tolist() == [4.375, 5, 3.75, 0.625]
    assert logged.times.tolist() == [0, 2, 3, 1]


def test_trust_leads_from_who_trusts_to_who_is_trusted_among_those_who_rate(folder: Path) -> None:
    dataset = read(folder)
    assert dataset.trust is not None
    assert dataset.trust.tolist() == [[1, 0]]
    assert dataset.figures == {"trust_kept": 0.5}


def test_without_statements_there_is_a_graph_without_edges(folder: Path) -> None:
    (folder / "trust.tab").write_text("".join(FILES["trust"].splitlines(keepends=True)[:3]))
    trust = read(folder).trust
    assert trust is not None
    assert trust.shape == (0, 2)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_changed_or_cut_is_named(folder: Path, name: str) -> None:
    path, before = folder / f"{name}.tab", read(folder).fingerprint
    path.write_text(FILES[name] + "\n")
    assert read(folder).fingerprint != before
    path.write_text(FILES[name] + "7\n")
    with pytest.raises(
        ValueError, match=rf"{name}\.tab, line {FILES[name].count(chr(10)) + 1}: 1 columns instead of 3"
    ):
        read(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}\.tab is missing"):
        read(folder)


def test_a_rating_that_is_no_number_is_named(folder: Path) -> None:
    (folder / "ratings.tab").write_text(FILES["ratings"] + "7\t40\tgood\n")
    with pytest.raises(ValueError, match=r"ratings\.tab, line 8: score is 'good'; fetch the file again"):
        read(folder)
