"""What every encoder promises (`Encoder`): one text, one vector."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recloop.encoders.cache import Cached
from recloop.encoders.centred import Centred
from recloop.encoders.controls import OneHot, RandomVectors, Shuffled
from recloop.encoders.encoder import Encoder
from recloop.encoders.hashing import Hashing
from recloop.encoders.rounded import Rounded
from recloop.encoders.transformer import Transformer

# Of 3 to over 32 tokens: several buckets; the fifth fills its bucket of 16 exactly, start and end marks included.
TEXTS = (
    "heat",
    "alien (1979). space.",
    "fargo (1996). crime, comedy.",
    "star wars return of the jedi",
    "heat alien fargo casino star wars return of the jedi a an is who",
    "star wars : return of the jedi (1996). action, war, space. who liked it is young",
    "casino (1995). crime, drama. " * 4,
    "a young engineer who liked alien, fargo, casino. " * 3,
)
ENCODERS: dict[str, Callable[[Path, Path], Encoder]] = {
    "hashing": lambda model, folder: Hashing(dim=32),
    "random": lambda model, folder: RandomVectors(dim=32),
    "shuffled": lambda model, folder: Shuffled(Hashing(dim=32)).over(TEXTS[:5]),
    "one_hot": lambda model, folder: OneHot().over(TEXTS),
    "float16": lambda model, folder: Rounded(Hashing(dim=32), "float16"),
    "bfloat16": lambda model, folder: Rounded(Hashing(dim=32), "bfloat16"),
    "transformer": lambda model, folder: Transformer(str(model), max_tokens=48, batch_tokens=64),
    "onnx": lambda model, folder: Transformer(str(model), max_tokens=48, batch_tokens=64, runtime="onnx"),
    "short": lambda model, folder: Transformer(str(model), max_tokens=48, batch_tokens=64, dtype="bfloat16"),
    "centred": lambda model, folder: Centred(
        Transformer(str(model), max_tokens=48, batch_tokens=64), {"latin": ["heat", "alien", "a star", "war"]}
    ),
    "cached": lambda model, folder: Cached(Transformer(str(model), max_tokens=48, batch_tokens=64), folder),
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] if name == "onnx" else []) for name in ENCODERS])
def encoder(
    request: pytest.FixtureRequest,
    bert: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Encoder:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path_factory.getbasetemp() / "exported"))  # once for all tests
    name: str = request.param
    return ENCODERS[name](bert, tmp_path / "cache")


def test_vectors_are_unit_float32_rows_of_the_promised_length(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_it_is_an_encoder(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)
    assert len(encoder.fingerprint) == 64


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_different_texts_have_different_vectors(encoder: Encoder) -> None:
    assert len({vector.tobytes() for vector in encoder.encode(TEXTS[:5])}) == 5


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=12))
def test_a_text_has_the_same_bytes_in_any_company_and_order(encoder: Encoder, chosen: list[int]) -> None:
    alone = [encoder.encode([TEXTS[index]])[0].tobytes() for index in chosen]
    together = encoder.encode([TEXTS[index] for index in chosen])
    assert [vector.tobytes() for vector in together] == alone


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_text_is_refused_with_its_place(encoder: Encoder, blank: str) -> None:
    with pytest.raises(ValueError, match="text 1 is blank"):
        encoder.encode(["heat", blank, "alien"])


def test_one_string_is_not_taken_for_a_list_of_letters(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="pass a list"):
        encoder.encode("heat")


@pytest.mark.parametrize("source", ["hashing.Hashing(dim=8)", "controls.RandomVectors(dim=8)"])
def test_another_process_gives_the_same_vectors(source: str) -> None:
    code = (
        "from recloop.encoders import controls, hashing\n"
        f"encoder = {source}; print(encoder.fingerprint, encoder.encode(['heat', 'a young engineer']).tobytes().hex())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != b""
