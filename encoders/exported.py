"""Models as ONNX graphs, which ONNX Runtime reads faster than PyTorch does on many processors: same weights, float32.

A graph is exported once and kept in the cache folder under the fingerprint of the model's files, with its SHA-256
beside it; a damaged one is exported again. It is made of the network's own operations and holds no code.

In int8, the matrices of the same graph are rounded to whole numbers, each column by a scale of its own, and to 7 bits:
without, products of 8 bits overflow on processors that have no instructions for them (AVX2).
"""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recloop.encoders import pretrained
from recloop.encoders.files import cache_folder, write_atomically
from recloop.encoders.fingerprint import file_fingerprint, fingerprint

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "int8")
_LACKING = "ONNX Runtime is not installed; pip install 'recloop[onnx]', or set runtime to torch"


class Read(NamedTuple):
    """What a graph gives, by the name that transformers gives it."""

    last_hidden_state: "torch.Tensor"  # [rows, bucket, dim]


class Graph:
    """A session of ONNX Runtime that is called as the network is; as many threads as PyTorch has."""

    def __init__(self, path: Path) -> None:
        import torch
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        self._session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, input_ids: "torch.Tensor", attention_mask: "torch.Tensor") -> Read:
        """The last layer [rows, bucket, dim] of `input_ids` [rows, bucket] where `attention_mask` is 1."""
        import torch

        given = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        return Read(torch.from_numpy(self._session.run(["hidden"], given)[0]))


def load(folder: Path, dtype: str) -> pretrained.Pretrained:
    """Tokenizer and graph of the model in `folder`, in one of `DTYPES`.

    Raises:
        ValueError: ONNX Runtime is not installed, the files are no whole model, or it cannot be exported.
    """
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ValueError(_LACKING) from error
    exact = _kept(folder)
    if not _is_sound(exact):
        _export(folder, exact)
    if dtype == "float32":
        return pretrained.Pretrained(pretrained.load_tokenizer(folder), Graph(exact))
    path = _kept(folder, dtype=dtype)
    if not _is_sound(path):
        _round(exact, path)
    return pretrained.Pretrained(pretrained.load_tokenizer(folder), Graph(path))


def _kept(folder: Path, **rounding: str) -> Path:
    name = fingerprint(graph=1, files=pretrained.fingerprints(folder), **rounding)
    return cache_folder() / "onnx" / f"{name}.onnx"


def _is_sound(path: Path) -> bool:
    promised = _promised(path)
    return path.is_file() and promised.is_file() and promised.read_text() == file_fingerprint(path)


def _promised(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _export(folder: Path, path: Path) -> None:
    """Put the graph at `path`: any number of rows and of tokens."""
    network: Any = pretrained.load(folder, "float32", "cpu").network
    with tempfile.TemporaryDirectory() as workshop:
        draft = Path(workshop) / "model.onnx"
        try:
            _trace(network, draft)
        except ImportError as error:
            raise ValueError(_LACKING) from error
        except Exception as error:  # the exporter's own kinds are many
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(f"{folder} cannot be exported to ONNX ({reason}); set runtime to torch") from error
        _keep(draft, path)


def _keep(draft: Path, path: Path) -> None:
    write_atomically(path, draft.read_bytes())
    write_atomically(_promised(path), file_fingerprint(draft).encode())


def _round(exact: Path, path: Path) -> None:
    """Put the graph at `path` whose matrices are those of the graph `exact` in int8."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    advice = logging.getLogger()  # which it gives to the root
    before = advice.level
    advice.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as workshop:
            draft = Path(workshop) / "model.onnx"
            quantize_dynamic(exact, draft, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
            _keep(draft, path)
    finally:
        advice.setLevel(before)


def _trace(network: Any, path: Path) -> None:
    import torch

    class Hidden(torch.nn.Module):
        """Token numbers and mask to the last layer."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return states

    network.config.use_cache = False
    example = torch.ones(2, 8, dtype=torch.int64)
    sizes = {0: torch.export.Dim("rows", max=1 << 16), 1: torch.export.Dim("bucket", min=2, max=1 << 14)}
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)  # it misses torchvision
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Hidden(), (example, example.clone()), path, dynamo=True, external_data=False, verbose=False,
                input_names=["input_ids", "attention_mask"], output_names=["hidden"],
                dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
            )  # fmt: skip
    finally:
        exporter.setLevel(before)
