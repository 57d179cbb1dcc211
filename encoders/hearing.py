"""What people write of recommendations, read as a step of their state: content and sentiment by one pass of a model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.encoder import Vectors
from recloop.encoders.projection import Projection

LIKING = (
    "I liked that, more like it please.",
    "Something like this would be great.",
    "Show me more of that.",
    "I love it.",
    "Yes, I would rather see this.",
    "I am in the mood for that.",
    "Do you have one for me?",
    "Please show me one now.",
)
DISLIKING = (
    "Too much of that for me.",
    "I did not like it.",
    "No more of this, please.",
    "That was boring.",
    "I am tired of this.",
    "I have had enough of it.",
    "I cannot stand it any more.",
    "Please spare me that.",
)
"""Sentences without content, between whose vectors the direction of sentiment lies."""

SHARPNESS = 3.0
"""A clause with content lies nearer to the middle than those without, by so much: then it counts in full."""

_BETWEEN = re.compile("[.,;:!?\u2026()\n\u3002\uff0c\uff1b\uff1a\uff01\uff1f\u3001]+|\\bbut\\b", re.IGNORECASE)
"""The signs of English and Chinese that end a clause."""


@dataclass(frozen=True, eq=False)
class Hearing:
    """From texts to steps of a state, in the space of the agent's items.

        step = sum over the clauses c of a text of sentiment_c * content_c
        content_c   = projection(z_c)                                  unit, [dim]
        sentiment_c = clip(3 (<z_c, d> - middle) / half, -1, 1)

    `z_c` is the model's vector of the clause, and `d` the unit direction from the mean of `DISLIKING` to that of
    `LIKING`, whose means lie `half` to each side of `middle` along it. A text is cut into clauses at its signs and at
    "but": "too dark for me, something funnier?" is a step away from the one and towards the other. Clauses of all
    texts are read in one call of the model.

    After Rocchio's relevance feedback (1971), with the weight of each term from what is said of it.

    Args:
        encode: texts to the model's unit vectors, [n, inputs].
        projection: from these to the space of the agent's items.
        direction: of sentiment, [inputs].
        middle: of the two means along it.
        half: of their distance.
    """

    encode: Callable[[Sequence[str]], Vectors]
    projection: Projection
    direction: NDArray[np.float64]
    middle: float
    half: float

    @staticmethod
    def of(encode: Callable[[Sequence[str]], Vectors], projection: Projection) -> "Hearing":
        """Have the model read the sentences between which sentiment lies."""
        read = encode([*LIKING, *DISLIKING]).astype(np.float64)
        liking, disliking = read[: len(LIKING)].mean(axis=0), read[len(LIKING) :].mean(axis=0)  # [inputs]
        apart = float(np.linalg.norm(liking - disliking))
        direction = (liking - disliking) / max(apart, 1e-9)
        return Hearing(encode, projection, direction, float((liking + disliking) @ direction / 2), apart / 2)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """The step of each text, [n, dim]; zeros for one without words.

        Raises:
            ValueError: as `Encoder.encode`.
        """
        steps = np.zeros((len(texts), self.projection.dim), np.float32)
        told = [(row, clause) for row, text in enumerate(texts) for clause in clauses(text)]
        if told:
            rows, said = zip(*told, strict=True)
            read = self.encode(said)  # [clauses, inputs]
            moves = self.sentiment(read)[:, None] * self.projection(read)  # [clauses, dim]
            np.add.at(steps, list(rows), moves.astype(np.float32))
        return steps

    def sentiment(self, read: Vectors) -> NDArray[np.float64]:
        """-1 to 1 for each of the model's vectors, [n, inputs]; 0 for a model to which all sentences are alike."""
        if self.half < 1e-6:
            return np.zeros(len(read))
        along = np.einsum("ni,i->n", read.astype(np.float64), self.direction)  # each row by itself
        sentiment: NDArray[np.float64] = np.clip(SHARPNESS * (along - self.middle) / self.half, -1, 1)
        return sentiment


def clauses(text: str) -> list[str]:
    """The parts of a text that say one thing each.

    >>> clauses("Too dark for me, but something funnier?")
    ['Too dark for me', 'something funnier']
    """
    parts = (part.strip() for part in _BETWEEN.split(text))
    return [part for part in parts if any(sign.isalnum() for sign in part)]
