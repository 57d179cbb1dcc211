"""Vectors without what only tells of the language that a text is written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.encoder import Encoder, Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.scripts import script_shares
from recloop.encoders.texts import distinct
from recloop.encoders.vectors import unit_rows

_FEWEST = 4
"""Sentences a script; of fewer, the mean is rather their content than their language."""


@dataclass(frozen=True)
class Centred:
    """A multilingual encoder's vectors, each less the mean of its language, scaled to length 1 again.

        y = x(text) - sum over s of share_s(text) mean_s,    result = y / |y|

    A multilingual model's vectors lie in one cloud a language, so that the nearest sentence to a Chinese one is another
    Chinese one, whatever it says. mean_s is the mean vector of `sentences` in script s; they should say the same in
    every script, that nothing but the language be taken away.

    The language is known by the script alone: English and French are both latin and share a mean, Japanese counts as
    Chinese as far as it is written in Chinese characters. A text in two scripts, a Chinese profile with English titles,
    is centred by the share of each. What is in a script without sentences, or in none (digits, emoji), loses the mean
    of all means.

    Args:
        encoder: whose vectors are centred.
        sentences: by script, the first word of Unicode's names of its letters in lower case: latin, cjk, cyrillic,
            arabic, hangul, devanagari, ...
    """

    encoder: Encoder
    sentences: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        if not self.sentences:
            raise ValueError("sentences are empty; give some in each script that is read, such as latin and cjk")
        for script, sentences in self.sentences.items():
            if isinstance(sentences, str) or len(sentences) < _FEWEST:
                raise ValueError(f"sentences.{script} are too few to be a language's mean; give {_FEWEST} or more")
            for sentence in sentences:
                shares = script_shares(str(sentence))
                if shares.get(script, 0) <= 0.5:
                    found = max(shares, key=lambda name: shares[name], default="no script")
                    raise ValueError(f"sentences.{script}: {sentence!r} is written in {found}; move or mend it")

    @property
    def dim(self) -> int:
        """Length of every vector, the inner encoder's."""
        return self.encoder.dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the inner encoder's fingerprint and the sentences."""
        told = [f"{script}: {sentence}" for script in self._scripts for sentence in self.sentences[script]]
        return fingerprint(encoder="centred", version=1, of=self.encoder.fingerprint, sentences=told)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give unit vectors [n, dim] of `texts`; see `Encoder.encode`."""
        unique, places = distinct(texts)
        if not unique:
            return np.empty((0, self.dim), np.float32)
        shares = np.array([self._shares(text) for text in unique])  # [distinct, scripts + 1]
        # einsum does each row by itself, as in `Projection`
        offsets = np.einsum("ns,sd->nd", shares, self._means)  # [distinct, dim]
        return unit_rows(self.encoder.encode(unique).astype(np.float64) - offsets, "centred vector")[places]

    @property
    def _scripts(self) -> list[str]:
        return sorted(self.sentences)

    def _shares(self, text: str) -> list[float]:
        """Of each script that has sentences, and of all others together."""
        found = script_shares(text)
        known = [found.get(script, 0.0) for script in self._scripts]
        return [*known, 1 - sum(known)]

    @cached_property
    def _means(self) -> NDArray[np.floating[Any]]:
        """Mean vector of the sentences of each script, and the mean of these, [scripts + 1, dim]."""
        means = [
            self.encoder.encode(list(self.sentences[script])).mean(axis=0, dtype=np.float64) for script in self._scripts
        ]
        return np.stack([*means, np.mean(means, axis=0)])
