import io
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.clip import Clip
from recloop.encoders.encoder import Encoder
from tests.encoders.pictures import picture, tiny_clip

TEXTS = ["heat", "star wars : return of the jedi (1996). action, war, space.", "alien"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


def test_texts_and_pictures_are_what_transformers_makes_of_them(folder: Path) -> None:
    import torch
    from PIL import Image
    from transformers import AutoTokenizer, CLIPModel

    from recloop.encoders.pretrained import load_clip

    network, clip, content = CLIPModel.from_pretrained(folder), Clip(str(folder)), picture(0)
    words = AutoTokenizer.from_pretrained(folder)(TEXTS[1], return_tensors="pt")
    pixels = load_clip(folder, "cpu")[1](images=Image.open(io.BytesIO(content)), return_tensors="pt")
    with torch.inference_mode():
        both = network(input_ids=words["input_ids"], pixel_values=pixels["pixel_values"])
    np.testing.assert_allclose(clip.encode(TEXTS)[1], both.text_embeds[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(clip.encode_pictures([content])[0], both.image_embeds[0].numpy(), atol=1e-5)


def test_it_is_an_encoder_whose_vectors_do_not_depend_on_company(folder: Path) -> None:
    clip = Clip(str(folder))
    assert isinstance(clip, Encoder)
    assert clip.encode([]).shape == clip.encode_pictures([]).shape == (0, clip.dim) == (0, 16)
    for text, vector in zip(TEXTS, clip.encode(TEXTS), strict=True):
        assert clip.encode([text])[0].tobytes() == vector.tobytes()
    contents = [picture(seed) for seed in range(3)]
    for content, vector in zip(contents, clip.encode_pictures(contents), strict=True):
        assert clip.encode_pictures([content])[0].tobytes() == vector.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_any_usual_kind_and_size_are_read(folder: Path, kind: str) -> None:
    sizes = [(32, 32), (1, 200), (300, 40)]
    vectors = Clip(str(folder)).encode_pictures([picture(0, kind, size) for size in sizes])
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture", picture(0)[:300]], ids=["", "gif", "text", "cut"])
def test_what_is_no_picture_is_refused_with_its_place(folder: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"picture 1 cannot be read .*give a PNG, JPEG or WebP file"):
        Clip(str(folder)).encode_pictures([picture(0), content])


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_decoded(folder: Path) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    with pytest.raises(ValueError, match=r"picture 0 cannot be read .it has 10000 by 10000 pixels"):
        Clip(str(folder)).encode_pictures([file.getvalue()])


def test_a_model_that_reads_no_pictures_is_refused(bert: Path) -> None:
    with pytest.raises(ValueError, match="holds a model of type bert, which reads no pictures; name a CLIP model"):
        Clip(str(bert)).encode(["heat"])


def test_another_way_to_prepare_pictures_is_another_encoder(folder: Path, tmp_path: Path) -> None:
    import shutil

    other = shutil.copytree(folder, tmp_path / "clip")
    settings = other / "preprocessor_config.json"
    settings.write_bytes(settings.read_bytes() + b" ")
    assert Clip(str(other)).fingerprint != Clip(str(folder)).fingerprint
