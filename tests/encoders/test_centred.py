from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.encoders.centred import Centred
from recloop.encoders.encoder import Vectors
from recloop.encoders.hashing import Hashing
from tests.encoders.translations import PAIRS

CONFIG = Path(__file__).parents[2] / "configs" / "encoder" / "e5_multilingual.yaml"
SENTENCES = {"latin": ["one day", "two days", "three", "four"], "cjk": ["一天", "两天", "三天", "四天"]}


@dataclass(frozen=True)
class TwoClouds:
    """Latin texts lie about (1, 0, 0), others about (0, 1, 0); what they say is how far the third number goes."""

    dim: int = 3
    fingerprint: str = "clouds"

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = [[text.isascii(), not text.isascii(), len(text) / 100] for text in texts]
        return np.array(rows, np.float32)


def test_a_text_loses_the_mean_of_its_own_script() -> None:
    same = {"latin": ["aaaa"] * 4, "cjk": ["电影电影"] * 4}  # means (1, 0, 0.04) and (0, 1, 0.04)
    vectors = Centred(TwoClouds(), same).encode(["a" * 9, "电" * 9])
    np.testing.assert_allclose(vectors, [[0, 0, 1], [0, 0, 1]], atol=1e-6)


def test_a_text_in_two_scripts_loses_a_part_of_either_mean() -> None:
    same = {"latin": ["aaaa"] * 4, "cjk": ["电影电影"] * 4}
    (vector,) = Centred(TwoClouds(), same).encode(["电aaa"])  # half and half: (0, 1, .04) - (.5, .5, .04)
    np.testing.assert_allclose(vector, [-(0.5**0.5), 0.5**0.5, 0], atol=1e-6)


@pytest.mark.parametrize("text", ["фильм", "🎬", "1995"])
def test_a_text_in_no_script_that_is_known_loses_the_mean_of_means(text: str) -> None:
    encoder = Centred(Hashing(dim=32), SENTENCES)
    means = [Hashing(dim=32).encode(each).astype(np.float64).mean(axis=0) for each in SENTENCES.values()]
    expected = Hashing(dim=32).encode([text])[0] - np.mean(means, axis=0)
    np.testing.assert_allclose(encoder.encode([text])[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_other_sentences_are_another_encoder() -> None:
    one = Centred(Hashing(dim=32), SENTENCES)
    assert one.fingerprint != Centred(Hashing(dim=32), {"latin": SENTENCES["latin"]}).fingerprint
    assert one.fingerprint != one.encoder.fingerprint


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ({}, "sentences are empty; give some in each script"),
        ({"latin": ["one", "two", "three"]}, r"sentences\.latin are too few"),
        ({"latin": "one sentence"}, r"sentences\.latin are too few"),
        ({"latin": ["one", "two", "three", "四天"]}, r"sentences\.latin: '四天' is written in cjk; move or mend it"),
        ({"latin": ["one", "two", "three", "4"]}, "is written in no script"),
        ({"chinese": SENTENCES["cjk"]}, r"sentences\.chinese: '一天' is written in cjk"),
    ],
    ids=str,
)
def test_sentences_that_cannot_be_a_language_s_mean_are_refused(sentences: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Centred(Hashing(dim=32), sentences)


def nearest_is_the_translation(vectors: Vectors) -> float:
    """Share of the 40 sentences, 20 English and then their translations, whose nearest other one says the same."""
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    half = len(vectors) // 2
    return float(np.mean(likeness.argmax(axis=1) == (np.arange(len(vectors)) + half) % len(vectors)))


@pytest.mark.slow
def test_centring_by_language_finds_the_translation_in_a_mixed_pool() -> None:
    from recloop.experiments.build import instantiate, with_assets

    config = OmegaConf.load(CONFIG)
    assert isinstance(config, DictConfig)
    encoder = instantiate(with_assets(config), "encoder")
    pool = [english for english, _ in PAIRS] + [chinese for _, chinese in PAIRS]
    assert nearest_is_the_translation(encoder.encoder.encode(pool)) < 0.75
    assert nearest_is_the_translation(encoder.encode(pool)) >= 0.95


def test_the_sentences_of_the_configuration_are_none_of_the_pool_s() -> None:
    config = OmegaConf.load(CONFIG)
    told = {str(sentence) for script in ("latin", "cjk") for sentence in config.sentences[script]}
    assert len(told) == 32
    assert not told & {sentence for pair in PAIRS for sentence in pair}
