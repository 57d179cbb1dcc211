"""Assets against small wheels made here and the real pip, which looks at nothing but a folder of the test."""

import errno
import hashlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from recloop.encoders.files import cache_folder
from recloop.experiments import assets
from recloop.experiments.asset_table import ASSETS, Asset, File, MadeAsset
from recloop.experiments.assets import ensure, fetch
from recloop.experiments.errors import UsageError

TEXTS = {"a.txt": b"alpha" * 100, "sub/b.txt": b"beta" * 100}


def make_wheel(shop: Path, members: dict[str, bytes]) -> Path:
    """A wheel `parcel-1.0` whose package data are `members`."""
    wheel = shop / "parcel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"parcel/{name}", data)
        archive.writestr("parcel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n")
        archive.writestr("parcel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("parcel-1.0.dist-info/RECORD", "")
    return wheel


def record(data: bytes) -> File:
    return File(len(data), hashlib.sha256(data).hexdigest())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip looks for packages."""
    shop = tmp_path / "shop"
    shop.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    return shop


@pytest.fixture
def parcel(shop: Path) -> Asset:
    """An asset of two files, on sale in the shop."""
    wheel = make_wheel(shop, {**TEXTS, "unwanted.txt": b"-", "../../outside.txt": b"-"})
    return Asset(
        name="parcel",
        description="two texts",
        terms="none",
        requirement="parcel==1.0",
        wheel=record(wheel.read_bytes()),
        prefix="parcel/",
        files={name: record(data) for name, data in TEXTS.items()},
    )


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def get(tmp_path: Path, said: io.StringIO) -> Callable[[Asset], Path]:
    return lambda asset: ensure(asset, tmp_path / "cache", Console(file=said, force_terminal=False))


def left_behind(tmp_path: Path) -> list[Path]:
    """Everything under the cache but locks and empty parents."""
    return [path for path in (tmp_path / "cache" / "assets").iterdir() if path.suffix != ".lock"]


def test_a_fetched_asset_holds_the_listed_files_and_a_manifest(parcel: Asset, get: Callable[[Asset], Path]) -> None:
    found = contents(get(parcel))
    manifest = json.loads(found.pop("manifest.json"))
    assert found == TEXTS
    assert manifest["requirement"] == "parcel==1.0"
    assert manifest["files"]["a.txt"] == {"size": 500, "sha256": hashlib.sha256(TEXTS["a.txt"]).hexdigest()}


def test_members_that_are_not_listed_are_never_written(
    parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path
) -> None:
    get(parcel)
    assert not [*tmp_path.rglob("unwanted.txt"), *tmp_path.rglob("outside.txt")]


def test_terms_are_shown_when_an_asset_is_fetched_and_only_then(
    parcel: Asset, get: Callable[[Asset], Path], said: io.StringIO
) -> None:
    get(parcel)
    assert said.getvalue().splitlines() == ["fetching parcel (0 MB, once): two texts", "terms of parcel: none"]
    get(parcel)
    assert len(said.getvalue().splitlines()) == 2


def test_an_asset_in_the_cache_needs_no_index(parcel: Asset, get: Callable[[Asset], Path], shop: Path) -> None:
    folder = get(parcel)
    shutil.rmtree(shop)
    assert get(parcel) == folder


def test_an_asset_in_a_cache_that_may_not_be_written_is_used(
    parcel: Asset, get: Callable[[Asset], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = get(parcel)
    monkeypatch.setattr(assets, "FileLock", None)  # taking a lock would have to write
    assert get(parcel) == folder


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lambda path: path.write_bytes(b"gamma" * 100), "a.txt has sha256"),
        (lambda path: path.write_bytes(b"alpha"), "a.txt has 5 bytes, not 500"),
        (lambda path: path.unlink(), "a.txt is missing"),
    ],
    ids=["changed", "truncated", "removed"],
)
def test_a_damaged_asset_is_reported_and_fetched_again(
    parcel: Asset,
    get: Callable[[Asset], Path],
    said: io.StringIO,
    harm: Callable[[Path], None],
    complaint: str,
) -> None:
    folder = get(parcel)
    harm(folder / "a.txt")
    assert (get(parcel) / "a.txt").read_bytes() == TEXTS["a.txt"]
    assert complaint in said.getvalue()


def test_a_wheel_with_other_bytes_is_refused(parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path) -> None:
    expected = replace(parcel, wheel=replace(parcel.wheel, sha256="0" * 64))
    with pytest.raises(UsageError, match=r"parcel refused: parcel-1.0-py3-none-any.whl has sha256 \w+, not 0000"):
        get(expected)
    assert left_behind(tmp_path) == []


def test_a_file_that_is_not_what_the_table_says_is_refused(
    parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"a.txt has 500 bytes, not 501 after unpacking"):
        get(replace(parcel, files={"a.txt": File(501, "0" * 64)}))
    assert left_behind(tmp_path) == []


def test_a_member_that_leads_out_of_the_folder_is_refused(
    parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"member \.\./\.\./outside.txt leads out of the folder"):
        get(replace(parcel, files={"../../outside.txt": record(b"-")}))
    assert not list(tmp_path.rglob("outside.txt"))


def test_a_full_disk_while_unpacking_names_path_and_bytes_and_leaves_nothing(
    parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: object, sink: io.BytesIO) -> None:
        sink.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    needed = parcel.wheel.size + 500 + 400
    with pytest.raises(UsageError, match=rf"cache/assets/parcel-\w+: No space left on device \({needed} bytes"):
        get(parcel)
    assert left_behind(tmp_path) == []


def test_a_full_disk_while_pip_downloads_is_told_as_a_full_disk(
    parcel: Asset, get: Callable[[Asset], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'ERROR: [Errno 28] No space left on device' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(UsageError, match="set RECLOOP_CACHE to a folder that has room"):
        get(parcel)


def test_ctrl_c_while_unpacking_leaves_nothing(
    parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(parcel)
    assert left_behind(tmp_path) == []


def test_a_cache_folder_that_is_a_file_is_named(parcel: Asset, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.touch()
    with pytest.raises(UsageError, match=rf"cannot store asset parcel in {cache}/assets/parcel-\w+: "):
        ensure(parcel, cache, Console(quiet=True))


def test_a_package_that_pip_cannot_find_is_told_with_the_remedy(
    parcel: Asset, get: Callable[[Asset], Path], shop: Path
) -> None:
    for wheel in shop.iterdir():
        wheel.unlink()
    with pytest.raises(UsageError, match=r"cannot download parcel==1.0: pip says: No matching .* RECLOOP_CACHE"):
        get(parcel)


def test_a_python_without_pip_is_told_how_to_get_it(
    parcel: Asset, get: Callable[[Asset], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="has no pip; run `python -m ensurepip`"):
        get(parcel)


def join(unpacked: Mapping[str, Path], folder: Path) -> None:
    """Made of two sources: the first file of one, then the second of the other."""
    joined = (unpacked["first"] / "a.txt").read_bytes() + (unpacked["second"] / "sub/b.txt").read_bytes()
    (folder / "joined.txt").write_bytes(joined)


@pytest.fixture
def joined(parcel: Asset) -> MadeAsset:
    """An asset that is made of the files of two parcels."""
    sources = tuple(replace(parcel, name=name) for name in ("first", "second"))
    made = {"joined.txt": record(TEXTS["a.txt"] + TEXTS["sub/b.txt"])}
    return MadeAsset("joined", "both texts", "none", sources, join, made)


def test_an_asset_that_is_made_holds_what_was_made_and_how_and_none_of_its_sources(
    joined: MadeAsset, get: Callable[[Asset | MadeAsset], Path], tmp_path: Path
) -> None:
    found = contents(get(joined))
    manifest = json.loads(found.pop("manifest.json"))
    assert found == {"joined.txt": TEXTS["a.txt"] + TEXTS["sub/b.txt"]}
    assert manifest["make"].endswith("test_assets.join")
    assert [source["requirement"] for source in manifest["sources"]] == ["parcel==1.0", "parcel==1.0"]
    assert len(left_behind(tmp_path)) == 1


def test_an_asset_that_is_made_is_made_once(
    joined: MadeAsset, get: Callable[[Asset | MadeAsset], Path], shop: Path, said: io.StringIO
) -> None:
    folder = get(joined)
    shutil.rmtree(shop)
    assert get(joined) == folder
    assert said.getvalue().count("fetching joined") == 1


def test_what_is_made_otherwise_than_the_table_says_is_refused(
    joined: MadeAsset, get: Callable[[Asset | MadeAsset], Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"asset joined refused: joined.txt has 900 bytes, not 5 after making"):
        get(replace(joined, files={"joined.txt": record(b"other")}))
    assert left_behind(tmp_path) == []


def test_another_way_to_make_an_asset_has_another_folder(joined: MadeAsset) -> None:
    assert replace(joined, files={"joined.txt": record(b"other")}).mark != joined.mark


# The parent hands an asset over by its manifest, which holds every field.
CHILD = """
import json, os, shutil, sys
from pathlib import Path
from rich.console import Console
from recloop.experiments.asset_table import Asset, File
from recloop.experiments.assets import ensure
table = json.loads(Path(sys.argv[1]).read_text())
table["files"] = {name: File(**file) for name, file in table["files"].items()}
table["wheel"] = File(**table["wheel"])
if sys.argv[3] == "die":
    copy = shutil.copyfileobj
    shutil.copyfileobj = lambda *args: (copy(*args), os._exit(9))
print(ensure(Asset(**table), Path(sys.argv[2]), Console(stderr=True)))
"""


def start_child(parcel: Asset, tmp_path: Path, fate: str) -> subprocess.Popen[str]:
    table = tmp_path / "asset.json"
    table.write_text(parcel.manifest())
    command = [sys.executable, "-c", CHILD, str(table), str(tmp_path / "cache"), fate]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_ask_at_once_fetch_once(parcel: Asset, tmp_path: Path) -> None:
    children = [start_child(parcel, tmp_path, "live") for _ in range(2)]
    answers = [child.communicate(timeout=60) for child in children]
    assert answers[0][0] == answers[1][0]
    assert sum(errors.count("fetching parcel (") for _, errors in answers) == 1
    assert [child.returncode for child in children] == [0, 0]


def test_a_process_killed_while_unpacking_leaves_no_asset_and_the_next_one_fetches_it(
    parcel: Asset, get: Callable[[Asset], Path], tmp_path: Path
) -> None:
    child = start_child(parcel, tmp_path, "die")
    child.communicate(timeout=60)
    assert child.returncode == 9
    assert [path.suffix for path in left_behind(tmp_path)] == [".partial"]
    assert (get(parcel) / "a.txt").read_bytes() == TEXTS["a.txt"]
    assert [path.suffix for path in left_behind(tmp_path)] == [""]


def test_an_unknown_name_is_answered_with_the_nearest_and_all_others() -> None:
    with pytest.raises(UsageError, match="unknown asset 'minilmm': did you mean 'minilm'\\? there are minilm, ml-100k"):
        fetch("minilmm")


def test_recloop_cache_names_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_without_recloop_cache_the_users_cache_directory_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RECLOOP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name == "recloop"


@pytest.mark.slow
@pytest.mark.parametrize("name", ASSETS)
def test_every_asset_can_be_fetched_from_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path))
    folder = fetch(name)
    assert set(contents(folder)) == {*ASSETS[name].files, "manifest.json"}


@pytest.mark.slow
def test_movielens_1m_is_whole_and_joined_with_the_film_table() -> None:
    from recloop.envs.datasets.movielens_1m import MovieLens1M

    dataset = MovieLens1M(str(fetch("ml-1m")), str(fetch("films"))).read()
    assert (len(dataset.interactions.ratings), len(dataset.users), len(dataset.items)) == (1_000_209, 6_040, 3_883)
    assert dataset.figures["ratings_joined"] > 0.926


@pytest.mark.slow
def test_book_crossing_s_core_is_as_large_as_it_should_be() -> None:
    from recloop.envs.datasets.book_crossing import BookCrossing

    dataset = BookCrossing(str(fetch("books"))).read()
    assert (len(dataset.interactions.ratings), len(dataset.users), len(dataset.items)) == (365_894, 6_605, 13_228)


@pytest.mark.slow
def test_filmtrust_is_whole() -> None:
    from recloop.envs.datasets.filmtrust import FilmTrust

    dataset = FilmTrust(str(fetch("filmtrust"))).read()
    assert (len(dataset.interactions.ratings), len(dataset.users), len(dataset.items)) == (35_497, 1_508, 2_071)
    assert dataset.figures["trust_kept"] == 1_632 / 1_853
