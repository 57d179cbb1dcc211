"""`recloop encode`: the vectors of a long list of texts, kept for every later run; any number of processes share it."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from recloop.encoders.corpus import Corpus
    from recloop.encoders.encoder import Encoder
    from recloop.experiments.progress import Bar

_EXAMPLES = """\
words:
  KEY=VALUE           as in `recloop train`: encoder=minilm_float16, env=movielens_1m

examples:
  recloop encode env=books                                    the texts of the items, as `recloop train` reads them
  recloop encode --file items.parquet --column title encoder=minilm_float16
  recloop encode --file titles.txt --ray 8                    on Ray: the cluster of RAY_ADDRESS, else this machine

Run the same command in several places that share the cache folder (RECLOOP_CACHE), and they share the work. A process
that ends in whatever way has lost one shard of 4,096 texts at most; run the command again to go on.
"""

_REMEDY = "give a .csv (UTF-8, commas) or .parquet file with that column, or a .txt file with a text a line"
_LOOK_SECONDS = 0.5


def main(words: list[str]) -> None:
    """`recloop encode [--file FILE] [key=value ...]`.

    Raises:
        UsageError: naming key or file, value and remedy.
        Stopped: a signal came; what has been read is kept.
    """
    from recloop.encoders.corpus import Corpus
    from recloop.encoders.files import cache_folder
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check
    from recloop.experiments.reading import blaming
    from recloop.experiments.seeding import set_threads

    given = _parse(words)
    cfg = composed(given.words)
    check(cfg)
    set_threads(cfg.threads)
    texts = read_texts(Path(given.file), given.column) if given.file else _of_items(cfg)
    with blaming("encoder"):
        corpus = Corpus(_encoder(cfg, texts), texts, cache_folder() / "vectors")
        if damaged := corpus.check():
            print(f"{len(damaged)} shards are damaged; they are read again")
        _read(corpus, given.ray, cfg.threads)


def _parse(words: list[str]) -> argparse.Namespace:
    parser = Parser(
        "recloop encode",
        description="Read a list of texts with an encoder and keep the vectors.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--file", metavar="FILE", help=".csv, .parquet or .txt; the items of env unless given")
    parser.add_argument("--column", default="text", help="of a .csv or .parquet file (default: text)")
    parser.add_argument("--ray", type=int, default=0, metavar="N", help="have N workers of Ray read")
    parser.add_argument("words", metavar="key=value", nargs="*", help="encoder, threads, and where the items are")
    given = parser.parse_intermixed_args(words)
    if given.ray < 0:
        raise UsageError(f"--ray is {given.ray}; give a number of workers, 1 or more")
    return given


def read_texts(path: Path, column: str) -> list[str]:
    """The texts of `column` of a .csv or .parquet file, or the lines of a .txt file that are not blank.

    Raises:
        UsageError: naming file, line or column, and the remedy.
    """
    from recloop.envs.datasets.parquet import read_parquet
    from recloop.envs.datasets.tables import read_csv

    if path.suffix not in (".csv", ".parquet", ".txt") or not path.is_file():
        raise UsageError(f"--file is {str(path)!r}, no such table; {_REMEDY}")
    content = path.read_bytes()
    try:
        if path.suffix == ".txt":
            texts = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
        else:
            read = read_parquet if path.suffix == ".parquet" else read_csv
            texts = list(read(path, content, (column,), remedy=_REMEDY)[column])
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, byte {error.start}: not UTF-8; {_REMEDY}") from None
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not texts:
        raise UsageError(f"{path}: no texts; {_REMEDY}")
    return texts


def _of_items(cfg: "DictConfig") -> list[str]:
    from recloop.experiments.setting import Texts

    return list(Texts.of(cfg).items)


def _encoder(cfg: "DictConfig", texts: list[str]) -> "Encoder":
    from recloop.encoders.controls import Shuffled
    from recloop.experiments.build import instantiate, with_assets

    model: Encoder = instantiate(with_assets(cfg.encoder), "encoder")
    return model.over(texts) if isinstance(model, Shuffled) else model


def _read(corpus: "Corpus", ray_workers: int, threads: int) -> None:
    """Read what is missing, telling how far it is, and say where it is."""
    from recloop.experiments.display import display
    from recloop.experiments.progress import progress
    from recloop.experiments.signals import Stopped

    num_texts, before, began = len(corpus.texts), corpus.num_done(), time.monotonic()
    if before:
        print(f"{before:,} of {num_texts:,} texts have been read before", flush=True)
    try:
        if before < num_texts:
            with display(unit="texts") as reporter, progress(reporter, "encode", num_texts - before) as bar:
                if ray_workers:
                    _on_ray(corpus, ray_workers, threads, bar)
                corpus.complete(bar.advance)
    except KeyboardInterrupt as stop:
        said = f"{corpus.num_done():,} of {num_texts:,} texts are kept; the same command goes on"
        raise Stopped(getattr(stop, "number", 2), said) from stop
    rate = (num_texts - before) / max(time.monotonic() - began, 1e-9)
    new = f", {num_texts - before:,} of them now, {rate:,.0f} a second" if before < num_texts else ""
    print(f"{num_texts:,} texts{new}: {corpus.file.path}, {corpus.packed().dtype} [{num_texts}, {corpus.file.dim}]")


def _on_ray(corpus: "Corpus", workers: int, threads: int, bar: "Bar") -> None:
    """Have `workers` tasks of Ray share the shards; their nodes share the cache folder with this one."""
    try:
        import ray
    except ImportError as error:
        raise UsageError("--ray: Ray is not installed; pip install 'recloop[ray]'") from error
    try:
        ray.init(log_to_driver=False, include_dashboard=False)
    except Exception as error:  # Ray raises no kind of its own here
        raise UsageError(
            f"--ray: Ray does not start ({_first_line(error)}); see RAY_ADDRESS, or leave it out"
        ) from error
    try:
        shared = ray.put(corpus)
        tasks = [ray.remote(_work).options(num_cpus=threads).remote(shared, threads) for _ in range(workers)]
        done = corpus.num_done()
        while tasks:
            finished, tasks = ray.wait(tasks, timeout=_LOOK_SECONDS)
            ray.get(finished)  # raises what went wrong there
            before, done = done, corpus.num_done()
            bar.advance(done - before)
    finally:
        ray.shutdown()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _work(corpus: "Corpus", threads: int) -> int:
    from recloop.experiments.seeding import set_threads

    set_threads(threads)
    return corpus.complete()
