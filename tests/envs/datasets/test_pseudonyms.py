"""What users are called by."""

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest

from recloop.envs.datasets.own import Own
from recloop.envs.datasets.pseudonyms import Pseudonyms
from tests.envs.datasets.test_own import FILES

KEY = "0123456789abcdef0123456789abcdef"
NAMED = Pseudonyms(key_variable="USER_KEY")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_KEY", KEY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def test_they_are_the_hmac_of_the_ids() -> None:
    expected = hmac.new(KEY.encode(), b"7", hashlib.sha256).hexdigest()[:32]
    assert NAMED.of(["7", "8", "7"])[::2] == [expected, expected]


def test_a_file_holds_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert Pseudonyms(key_file=str(tmp_path / "key")).of(["7", "ä"]) == NAMED.of(["7", "ä"])


def test_another_key_gives_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = NAMED.of(["7"])
    monkeypatch.setenv("USER_KEY", KEY[::-1])
    assert NAMED.of(["7"]) != before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give one of the two"),
        ({"key_file": "a", "key_variable": "B"}, "give one of the two"),
    ],
)
def test_a_key_is_in_one_place(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pseudonyms(**given)


def test_a_key_that_is_missing_or_short_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="environment variable NOWHERE holds no key"):
        Pseudonyms(key_variable="NOWHERE").of(["7"])
    with pytest.raises(ValueError, match="is no file of at most 4096 bytes"):
        Pseudonyms(key_file=str(tmp_path / "none")).of(["7"])
    monkeypatch.setenv("USER_KEY", "geheim")
    with pytest.raises(ValueError, match="a key of 6 bytes, and 16 are the least") as refused:
        NAMED.of(["7"])
    assert "geheim" not in str(refused.value)


def test_users_stand_in_the_order_of_their_pseudonyms_with_their_own_interactions(folder: Path) -> None:
    plain, private = Own(str(folder)).read(), Own(str(folder), pseudonyms=NAMED).read()
    called = [user["pseudonym"] for user in private.users]
    assert called == sorted(NAMED.of(["7", "8"]))
    cities = {user["pseudonym"]: user["city"] for user in private.users}
    assert cities == dict(zip(NAMED.of(["7", "8"]), ["Oslo", "Rome"], strict=True))
    count = {user["city"]: (plain.interactions.users == row).sum() for row, user in enumerate(plain.users)}
    found = {user["city"]: (private.interactions.users == row).sum() for row, user in enumerate(private.users)}
    assert found == count
    assert private.users[0]["about"] in {"age 31, city Oslo", "city Rome"}


def test_the_order_of_the_files_is_not_left(folder: Path) -> None:
    before = Own(str(folder), pseudonyms=NAMED).read()
    head, *rows = (folder / "users.csv").read_text().splitlines()
    (folder / "users.csv").write_text("\n".join([head, *reversed(rows), ""]))
    after = Own(str(folder), pseudonyms=NAMED).read()
    assert after.users == before.users
    assert (after.interactions.users == before.interactions.users).all()


def test_the_fingerprint_knows_the_key_and_nothing_else_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Own(str(folder), pseudonyms=NAMED)
    before = source.read().fingerprint
    assert before != replace(source, pseudonyms=None).read().fingerprint
    monkeypatch.setenv("USER_KEY", KEY[::-1])
    assert source.read().fingerprint != before
    assert KEY not in repr(source)
