"""Texts a second that an encoder reads on one thread, against sentence-transformers and against a plain loop."""

import json
import subprocess
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.measure import Pace, Paces, by_their_clocks, pace, ratio, typical
from benchmarks.scope import Scope
from recloop.encoders.cache import Cached
from recloop.encoders.encoder import Vectors
from recloop.encoders.transformer import Transformer
from recloop.encoders.vectors import unit_rows

ROOT = Path(__file__).resolve().parents[1]
PEER, REQUIREMENT = "sentence-transformers", "sentence-transformers==5.7.0"
_MILLION, _DIM = 1_000_000, 384


def measure(scope: Scope) -> list[dict[str, Any]]:
    """The films of MovieLens-100K read by MiniLM in every way, and how long a million kept vectors take to be at hand.

    Needs ONNX Runtime, and the network where weights, films or sentence-transformers are not there yet.
    """
    from recloop.experiments.assets import fetch
    from recloop.experiments.compose import composed
    from recloop.experiments.setting import Texts

    texts, model = Texts.of(composed([])).items, fetch("minilm")
    if scope.quick:
        texts = texts[:64]
    return [*encoding(texts, model, scope.repeats), ready(round(_MILLION * scope.scale), scope.repeats)]


def encoding(texts: Sequence[str], model: Path, repeats: int) -> list[dict[str, Any]]:
    """Rates and errors of every way to read `texts`."""
    with TemporaryDirectory() as folder, _peer(model, texts, Path(folder)) as (ask, reference):
        ways = _ways(model)
        read = {name: encode(texts) for name, encode in ways.items()}
        paces = by_their_clocks({PEER: lambda: ask(len(texts)), **_timed(ways, texts)}, repeats)
    return [_row(name, paces, read.get(name, reference), reference) for name in paces]


def _ways(model: Path) -> dict[str, Callable[[Sequence[str]], Vectors]]:
    """bfloat16 is left out where the processor can but imitate it, at a tenth of the speed of float32."""
    ways: dict[str, Callable[[Sequence[str]], Vectors]] = {
        "plain loop": _plain(model),
        "float32": Transformer(str(model)).encode,
        "ONNX Runtime": Transformer(str(model), runtime="onnx").encode,
        "ONNX Runtime, int8": Transformer(str(model), runtime="onnx", dtype="int8").encode,
    }
    if has_bfloat16():
        ways["bfloat16"] = Transformer(str(model), dtype="bfloat16", batch_tokens=1024).encode
    return ways


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself, as far as Linux says it."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and bool({"avx512_bf16", "amx_bf16"} & set(cpuinfo.read_text().split()))


def _plain(model: Path) -> Callable[[Sequence[str]], Vectors]:
    """What one writes with transformers alone: sorted by length, 32 at a time, the mean over tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()

    def encode(texts: Sequence[str]) -> Vectors:
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        pooled = np.empty((len(texts), network.config.hidden_size), np.float32)  # [n, dim]
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            batch = tokenizer([texts[row] for row in rows], padding=True, truncation=True, return_tensors="pt")
            with torch.inference_mode():
                hidden = network(**batch).last_hidden_state
            weights = batch["attention_mask"][:, :, None].float()
            pooled[rows] = ((hidden * weights).sum(1) / weights.sum(1)).numpy()
        return unit_rows(pooled)

    return encode


def _timed(ways: dict[str, Callable[[Sequence[str]], Vectors]], texts: Sequence[str]) -> dict[str, Callable[[], Pace]]:
    def timed(encode: Callable[[Sequence[str]], Vectors]) -> Callable[[], Pace]:
        return lambda: pace(lambda: len(encode(texts)))

    return {name: timed(encode) for name, encode in ways.items()}


def _row(name: str, paces: Paces, vectors: Vectors, reference: Vectors) -> dict[str, Any]:
    return {
        "name": name,
        **typical(paces[name])._asdict(),
        "factor": ratio(paces[name], paces[PEER])._asdict(),
        "largest_difference": float(np.abs(vectors - reference).max()),
        "least_cosine": float((vectors * reference).sum(axis=1).min()),
        "neighbours": _overlap(vectors, reference),
    }


def _overlap(vectors: Vectors, reference: Vectors, k: int = 10) -> float:
    """Share of the `k` nearest texts of each text that are the reference's."""
    found = []
    for some in (vectors, reference):
        likeness = some @ some.T
        np.fill_diagonal(likeness, -np.inf)
        found.append(np.argpartition(-likeness, k, axis=1)[:, :k])
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(*found, strict=True)]))


@contextmanager
def _peer(model: Path, texts: Sequence[str], folder: Path) -> Iterator[tuple[Callable[[int], Pace], Vectors]]:
    """sentence-transformers, at work in its own environment: a function that has it encode, and its vectors."""
    (folder / "texts.json").write_text(json.dumps(list(texts)))
    script = Path(__file__).with_name("sentence_transformers_peer.py")
    words = [peer_python(), script, model, folder / "texts.json", folder / "vectors.npy"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{script.name} did not start")
        asked, answers = process.stdin, process.stdout

        def ask(num_texts: int) -> Pace:
            print("go", file=asked, flush=True)
            wall, cpu = json.loads(answers.readline())
            return Pace(num_texts / wall, num_texts / cpu)

        yield ask, np.load(folder / "vectors.npy")
        asked.close()


def peer_python() -> Path:
    """The interpreter of sentence-transformers' own environment, made if need be; it sees this one's libraries."""
    folder = ROOT / "build" / "peers" / PEER
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "--no-deps", REQUIREMENT], check=True)
        subprocess.run([*pip, "scikit-learn", "threadpoolctl"], check=True)
        (site,) = folder.glob("lib/python3*/site-packages")
        (site / "recloop.pth").write_text(sysconfig.get_path("purelib"))
        (folder / "ready").touch()
    return python


@dataclass(frozen=True)
class Drawn:
    """Stands for an encoder where only the number of vectors matters."""

    dim: int = _DIM
    fingerprint: str = "drawn"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [n, dim], the same for every text."""
        return np.full((len(texts), self.dim), self.dim**-0.5, np.float32)


def ready(num_texts: int, repeats: int) -> dict[str, Any]:
    """Seconds from a list of texts to the array of their vectors, [num_texts, 384] float32, kept before."""
    texts = [f"film number {number} of a long series" for number in range(num_texts)]
    (ROOT / "build").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=ROOT / "build") as folder:
        Cached(Drawn(), folder).encode(texts)
        walls, cpus = zip(*(_opened(texts, folder) for _ in range(repeats)), strict=True)
    seconds = {"wall": median(walls), "cpu": median(cpus)}
    return {"name": f"{num_texts:,} vectors kept before", "ready": seconds}


def _opened(texts: Sequence[str], folder: str) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = Cached(Drawn(), folder).encode(texts)
    vectors[:: max(1, len(texts) // 10)].sum()  # in use
    return time.perf_counter() - wall, time.process_time() - cpu
