"""What people ask for, in a language model's own words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.generator import Generator

Wish = Literal["more", "less"]

_EXAMPLES: dict[Wish, tuple[str, tuple[str, ...]]] = {
    "more": (
        "What people wrote who were in the mood for {items} of some kind.",
        (
            "I would love to see a comedy tonight.",
            "Do you have a good western for me?",
            "I am in the mood for a mystery.",
            "Please show me a musical now.",
        ),
    ),
    "less": (
        "What people wrote who had had too many {items} of a kind.",
        (
            "I have had enough of comedy for now.",
            "No more of these western stories, please.",
            "I am so tired of mystery after mystery.",
            "All that musical stuff bores me.",
        ),
    ),
}
"""How the text begins that the model goes on with, and what people wrote who were asked about each of `_KINDS`."""

WISHES: tuple[Wish, ...] = tuple(_EXAMPLES)

_KINDS = ("comedy", "western", "mystery", "musical")
_PLAIN: dict[Wish, str] = {"more": "Show me more {word}.", "less": "I have had enough of {word}."}
_LONGEST = 24
"""Tokens of a sentence."""


class Sentence(NamedTuple):
    """What somebody writes."""

    text: str
    drafts: int  # that the model wrote; 0 where none would do, and the text is a template's


@dataclass(frozen=True)
class Author:
    """Writes what people say who want more, or less, of some kind of item, as a generative model goes on.

    The model reads four examples and the kind. Its first draft is the likeliest continuation, token by token; the
    others are drawn (nucleus sampling: Holtzman et al., 2020), each with a seed of its own. The first that names the
    kind it was asked for, and no other kind, is taken; where none does, a plain sentence is. Whether it says what was
    to be said *of* the kind is not checked.

    Args:
        generator: the model.
        items: what kinds are of, in the plural.
        drafts: how many there are of a sentence, 1 or more.
    """

    generator: Generator
    items: str = "films"
    drafts: int = 4

    def __post_init__(self) -> None:
        """Refuse at the door what cannot be right."""
        if self.drafts < 1:
            raise ValueError(f"drafts is {self.drafts}; allow 1 or more")

    @property
    def fingerprint(self) -> str:
        """Hash of all that the sentences depend on, beside the kinds that are asked about."""
        return fingerprint(
            author=1,
            generator=self.generator.fingerprint,
            drafts=self.drafts,
            beginnings=[self._beginning(wish) for wish in WISHES],
            plain=list(_PLAIN.values()),
            longest=_LONGEST,
        )

    def write(self, kinds: Sequence[str], wish: Wish) -> list[Sentence]:
        """A sentence of somebody who wants more, or less, of each of `kinds`.

        Raises:
            ValueError: as `Generator.generate`.
        """
        found = {kind: Sentence(_PLAIN[wish].format(word=kind), 0) for kind in kinds}
        pending = list(found)
        for draft in range(self.drafts):
            endings = [_ending(kind) for kind in pending]
            seed = None if draft == 0 else draft
            said = self.generator.generate(self._beginning(wish), endings, until="\n", most=_LONGEST, seed=seed)
            for kind, text in zip(pending, said, strict=True):
                if text is not None and named(text, kinds) == {kind.lower()}:
                    found[kind] = Sentence(text.strip(), draft + 1)
            pending = [kind for kind in pending if not found[kind].drafts]
        return [found[kind] for kind in kinds]

    def _beginning(self, wish: Wish) -> str:
        heading, examples = _EXAMPLES[wish]
        told = (f"{_ending(kind)} {text}\n" for kind, text in zip(_KINDS, examples, strict=True))
        return f"{heading.format(items=self.items)}\n{''.join(told)}"


def _ending(kind: str) -> str:
    return f"Kind: {kind}\nWrote:"


def named(text: str, kinds: Sequence[str]) -> set[str]:
    """Which of `kinds` stand in `text`; a longer word that begins with one counts.

    >>> sorted(named("No more westerns, and another crime story", ["crime", "war", "western"]))
    ['crime', 'western']
    """
    longest_first = sorted(kinds, key=len, reverse=True)
    pattern = "|".join(rf"\b{re.escape(kind)}" for kind in longest_first)
    return {found.lower() for found in re.findall(pattern, text, re.IGNORECASE)}
