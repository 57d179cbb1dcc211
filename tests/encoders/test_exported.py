"""The same model read by ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest

from recloop.encoders import exported
from recloop.encoders.transformer import Transformer

TITLES = ["heat", "alien (1979). space.", "star wars : return of the jedi (1996). action, war, space. who liked it"]


@pytest.fixture(autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One cache folder for all tests: an export takes seconds."""
    folder = tmp_path_factory.getbasetemp() / "exported"
    monkeypatch.setenv("RECLOOP_CACHE", str(folder))
    return folder / "onnx"


@pytest.mark.slow
@pytest.mark.parametrize(("model", "pooling"), [("bert", "mean"), ("bert", "cls"), ("gpt", "last")])
def test_vectors_are_those_of_torch(model: str, pooling: str, request: pytest.FixtureRequest) -> None:
    folder = str(request.getfixturevalue(model))
    plain = Transformer(folder, pooling=pooling).encode(TITLES)  # type: ignore[arg-type]
    vectors = Transformer(folder, pooling=pooling, runtime="onnx").encode(TITLES)  # type: ignore[arg-type]
    np.testing.assert_allclose(vectors, plain, atol=1e-5)


def test_the_runtime_is_part_of_the_fingerprint(bert: Path) -> None:
    assert Transformer(str(bert), runtime="onnx").fingerprint != Transformer(str(bert)).fingerprint


@pytest.mark.slow
def test_int8_is_close_and_gives_a_text_one_vector(bert: Path) -> None:
    exact, rounded = (Transformer(str(bert), runtime="onnx", dtype=each) for each in ("float32", "int8"))
    assert rounded.fingerprint != exact.fingerprint
    vectors = rounded.encode(TITLES)
    assert 0.9 < (vectors * exact.encode(TITLES)).sum(axis=1).min() < 1
    for title, vector in zip(TITLES, vectors, strict=True):
        assert rounded.encode([title, "a young engineer"])[0].tobytes() == vector.tobytes()


@pytest.mark.slow
def test_a_model_is_exported_once(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Transformer(str(bert), runtime="onnx").encode(TITLES)
    monkeypatch.setattr(exported, "_export", None)
    Transformer(str(bert), runtime="onnx", max_tokens=32).encode(TITLES)


@pytest.mark.slow
def test_a_damaged_graph_is_exported_again(bert: Path, kept: Path) -> None:
    vectors = Transformer(str(bert), runtime="onnx").encode(TITLES)
    for graph in kept.glob("*.onnx"):
        graph.write_bytes(graph.read_bytes()[:-1])
    np.testing.assert_array_equal(Transformer(str(bert), runtime="onnx").encode(TITLES), vectors)


def test_a_model_that_cannot_be_exported_is_one_line(bert_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no such operator\nat line 7")

    (bert_copy / "config.json").write_bytes((bert_copy / "config.json").read_bytes() + b" ")
    monkeypatch.setattr(exported, "_trace", refuse)
    with pytest.raises(ValueError, match=r"bert cannot be exported to ONNX \(no such operator\); set runtime") as error:
        Transformer(str(bert_copy), runtime="onnx").encode(TITLES)
    assert "\n" not in str(error.value)


def test_without_onnx_runtime_the_extra_is_named(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"pip install 'recloop\[onnx\]'"):
        Transformer(str(bert), runtime="onnx").encode(TITLES)


@pytest.mark.parametrize("setting", [{"dtype": "bfloat16"}, {"device": "cuda"}], ids=str)
def test_it_reads_float32_on_the_processor(bert: Path, setting: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"runtime is onnx, dtype .* it reads float32 and int8 on cpu"):
        Transformer(str(bert), runtime="onnx", **setting)  # type: ignore[arg-type]
