"""What every encoder asks of its texts before it reads them."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HALF = re.compile("[\ud800-\udfff]")


def distinct(texts: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Give the distinct texts in order of appearance, and for each text [n] its place among them.

    Raises:
        ValueError: `texts` is one string, or a text is blank or no text (names its index).
    """
    if isinstance(texts, str):
        raise ValueError(f"texts is one string, {texts[:40]!r}; pass a list of texts")
    refuse_blank(texts)
    place = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return list(place), np.fromiter((place[text] for text in texts), dtype=np.intp, count=len(texts))  # [n]


def refuse_blank(texts: Sequence[str], start: int = 0) -> None:
    """Raise a `ValueError` that names the first of `texts` that cannot be read, if any, counting from `start`.

    It is blank, or holds half of a character (a lone surrogate, of a text that was cut or decoded wrongly).
    """
    for index, text in enumerate(texts, start):
        if not text.strip():
            raise ValueError(f"text {index} is blank; give every item, user and prompt something to read")
        if not text.isascii() and _HALF.search(text):
            raise ValueError(f"text {index} holds half of a character, {text[:40]!a}; decode it as UTF-8 again")
