"""What a text is written in."""

import unicodedata
from functools import cache


def script_shares(text: str) -> dict[str, float]:
    """The share of each script in the letters of `text`, by the first word of Unicode's names: latin, cjk, arabic, ...

    A letter counts as many times as it has bytes in UTF-8, since a Chinese character says about as much as three Latin
    letters. A text without letters gives nothing.

    >>> script_shares("Heat")
    {'latin': 1.0}
    >>> script_shares("电影 Heat!")
    {'cjk': 0.6, 'latin': 0.4}
    """
    weights: dict[str, int] = {}
    for letter in filter(str.isalpha, unicodedata.normalize("NFKC", text)):
        script = _script(letter)
        weights[script] = weights.get(script, 0) + len(letter.encode(errors="replace"))
    total = sum(weights.values())
    return {script: weight / total for script, weight in weights.items()}


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "unnamed").split()[0].lower()
