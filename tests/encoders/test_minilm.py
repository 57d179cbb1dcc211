"""The real model: what its authors promise of it, and what `Encoder` promises of every model."""

import random
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.transformer import Transformer

pytestmark = pytest.mark.slow

TEXTS = [
    f"{title} ({year}). {genres}."
    for title, genres in [
        ("Toy Story", "Animation, Children's, Comedy"),
        ("Heat", "Action, Crime, Thriller"),
        ("Star Wars: Episode V - The Empire Strikes Back", "Action, Adventure, Drama, Romance, Sci-Fi, War"),
        ("Alien", "Action, Horror, Sci-Fi, Thriller"),
        ("It", "Horror"),
    ]
    for year in range(1970, 1980)
]


@pytest.fixture(scope="module")
def minilm() -> Transformer:
    from recloop.experiments.assets import fetch

    return Transformer(str(fetch("minilm")))


def test_a_text_has_the_same_bytes_in_any_company_and_order(minilm: Transformer) -> None:
    together = minilm.encode(TEXTS)
    order = random.Random(0).sample(range(len(TEXTS)), k=len(TEXTS))
    np.testing.assert_array_equal(minilm.encode([TEXTS[index] for index in order]), together[order])
    for index in order[:10]:
        assert minilm.encode([TEXTS[index]])[0].tobytes() == together[index].tobytes()


def test_what_is_alike_in_meaning_is_near(minilm: Transformer) -> None:
    film, near, far = minilm.encode(["a film about war in space", "soldiers fight among the stars", "a cookery book"])
    assert film @ near > film @ far + 0.2


def test_vectors_are_those_of_the_plain_model(minilm: Transformer) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = Path(minilm.model)
    batch = AutoTokenizer.from_pretrained(folder)(TEXTS[:1], return_tensors="pt")
    with torch.inference_mode():
        mean = AutoModel.from_pretrained(folder)(**batch).last_hidden_state[0].mean(dim=0).numpy()
    np.testing.assert_allclose(minilm.encode(TEXTS[:1])[0], mean / np.linalg.norm(mean), atol=1e-6)
