import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recloop.encoders.clip import Clip
from recloop.encoders.encoder import Encoder
from recloop.encoders.gate import Gate
from recloop.encoders.hashing import Hashing
from recloop.encoders.pictured import Pictured
from tests.encoders.pictures import picture, tiny_clip

NAMES = ("alien.png", "posters/heat of 1995.png", "jedi.png")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(str(tiny_clip(tmp_path_factory.mktemp("clip"))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed))
    return tmp_path / "pictures"


def marked(folder: Path, text: str, name: str) -> str:
    return f"{text} <picture {name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}>"


def test_a_concatenation_is_both_parts_side_by_side(clip: Clip, folder: Path) -> None:
    words = Hashing(dim=8)
    encoder = Pictured(words, clip, str(folder), picture_weight=0.36)
    (vector,) = encoder.encode([marked(folder, "heat", NAMES[1])])
    seen = clip.encode_pictures([(folder / name).read_bytes() for name in NAMES])
    centred = seen[1] - seen.mean(axis=0)
    assert encoder.dim == len(vector) == 24
    np.testing.assert_allclose(vector[:8], 0.8 * words.encode(["heat"])[0], atol=1e-6)
    np.testing.assert_allclose(vector[8:], 0.6 * centred / np.linalg.norm(centred), atol=1e-6)


def test_a_sum_lies_in_the_space_of_both(clip: Clip, folder: Path) -> None:
    encoder = Pictured(clip, clip, str(folder), fusion="sum", picture_weight=0.25)
    (vector,) = encoder.encode([marked(folder, "heat", NAMES[1])])
    seen = clip.encode_pictures([(folder / name).read_bytes() for name in NAMES])
    centred = seen[1] - seen.mean(axis=0)
    expected = 0.75 * clip.encode(["heat"])[0] + 0.25 * centred / np.linalg.norm(centred)
    assert encoder.dim == 16
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize("fusion", ["concatenate", "sum"])
def test_without_a_picture_the_text_alone_is_read_and_no_picture_looked_at(
    clip: Clip, folder: Path, fusion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clip, "encode_pictures", None)
    (vector,) = Pictured(clip, clip, str(folder), fusion=fusion).encode(["heat"])
    np.testing.assert_allclose(vector[:16], clip.encode(["heat"])[0], atol=1e-6)
    assert not vector[16:].any()


def test_it_is_an_encoder_whose_vectors_do_not_depend_on_company(clip: Clip, folder: Path) -> None:
    encoder = Pictured(Hashing(dim=8), clip, str(folder))
    texts = [*(marked(folder, "heat", name) for name in NAMES), "heat", "a young engineer"]
    together = encoder.encode(texts)
    assert isinstance(encoder, Encoder)
    assert len({vector.tobytes() for vector in together}) == 5
    for text, vector in zip(texts, together, strict=True):
        assert encoder.encode([text, "alien"])[0].tobytes() == vector.tobytes()


def test_another_picture_in_the_average_is_another_encoder(clip: Clip, folder: Path) -> None:
    before = Pictured(Hashing(dim=8), clip, str(folder)).fingerprint
    (folder / "new.png").write_bytes(picture(7))
    assert Pictured(Hashing(dim=8), clip, str(folder)).fingerprint != before


def test_a_picture_that_has_changed_is_refused(clip: Clip, folder: Path) -> None:
    text = marked(folder, "heat", NAMES[0])
    (folder / NAMES[0]).write_bytes(picture(9))
    with pytest.raises(ValueError, match=r"picture 'alien.png' in .* has changed since its text was written"):
        Pictured(Hashing(dim=8), clip, str(folder)).encode([text])


@pytest.mark.parametrize("name", ["../outside.png", "missing.png", "/etc/hostname", "posters"])
def test_nothing_outside_of_the_folder_is_opened(clip: Clip, folder: Path, name: str) -> None:
    (folder.parent / "outside.png").write_bytes(picture(0))
    with pytest.raises(ValueError, match=r"is no file in .*pictures; add it"):
        Pictured(Hashing(dim=8), clip, str(folder)).encode([f"heat <picture {name} {'0' * 64}>"])


def test_a_picture_alone_says_too_little(clip: Clip, folder: Path) -> None:
    with pytest.raises(ValueError, match="text 0 is blank"):
        Pictured(Hashing(dim=8), clip, str(folder)).encode([marked(folder, "", NAMES[0])])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"fusion": "product"}, "fusion is 'product'; choose one of concatenate, sum"),
        ({"picture_weight": 1.0}, "picture_weight is 1.0; give a share from 0 to below 1"),
        ({"folder": "/nowhere"}, "folder is '/nowhere', which is no folder"),
        ({"fusion": "sum"}, "fusion is sum, of texts of 8 numbers and pictures of 16"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused(clip: Clip, folder: Path, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pictured(Hashing(dim=8), clip, **{"folder": str(folder), **setting}).encode(["heat"])


def test_a_gate_weighs_each_picture_as_it_was_learned(clip: Clip, folder: Path, tmp_path: Path) -> None:
    texts = [marked(folder, "heat", NAMES[1]), marked(folder, "alien", NAMES[0]), "heat"]
    plain = Pictured(Hashing(dim=8), clip, str(folder))
    read, seen = plain.halves(texts)
    learned = Gate(2 * read[0], np.zeros(16), np.array([0.5]))
    learned.save(tmp_path)
    gated = replace(plain, fusion="gate", gate=str(tmp_path))
    share = 1 / (1 + np.exp(-(2 * read @ read[0] + 0.5)))[:, None]
    fused = np.hstack([np.sqrt(1 - share) * read, np.sqrt(share) * seen])
    np.testing.assert_allclose(gated.encode(texts), fused / np.linalg.norm(fused, axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(gated.encode(texts)[2, :8], read[2], atol=1e-6)  # no picture: the text alone
    assert gated.fingerprint != plain.fingerprint


def test_a_gate_that_is_not_there_or_of_other_encoders_is_refused(clip: Clip, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gate is None; fusion=gate, and it alone, takes the folder"):
        Pictured(Hashing(dim=8), clip, str(folder), fusion="gate")
    with pytest.raises(ValueError, match=r"holds no gate.safetensors; learn one: recloop finetune"):
        Pictured(Hashing(dim=8), clip, str(folder), fusion="gate", gate=str(tmp_path)).encode(["heat"])
    with pytest.raises(ValueError, match=r"holds no gate.safetensors"):
        _ = Pictured(Hashing(dim=8), clip, str(folder), fusion="gate", gate=str(tmp_path)).fingerprint
    Gate.even(4, 16).save(tmp_path)
    with pytest.raises(ValueError, match=r"learned of \(4, 16\) numbers of text and picture, these are \(8, 16\)"):
        Pictured(Hashing(dim=8), clip, str(folder), fusion="gate", gate=str(tmp_path)).encode(["heat"])
