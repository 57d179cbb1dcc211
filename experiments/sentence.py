"""An explanation as a sentence, which says nothing that was not attributed."""

from collections.abc import Callable, Sequence

from recloop.experiments.explanation import Explanation, Part, Without
from recloop.experiments.sources import Kind

Writer = Callable[[Explanation], str]
"""Puts an explanation into words, of which it may name only the item, what stands in `parts` and what in `without`."""

LEAST_SHARE = 0.05
"""Of all that speaks for an item: what adds less is not worth a word."""

MOST_NAMED = 3
"""Titles or words of a kind."""


def sentence(explanation: Explanation) -> str:
    """The template: what speaks most for the item, what speaks against it, and what it would be without.

    “Aliens” ranks 1st because you liked “Alien” and “Heat”, although you passed over “Fargo”. Without “Alien” it
    would rank 14th.
    """
    place = "is no candidate" if explanation.rank is None else f"ranks {ordinal(explanation.rank)}"
    reasons = _for(explanation.parts)
    why = f" because {_listed(reasons)}" if reasons else ", and nothing that is told of you speaks for it"
    passed = _names(explanation.parts, "skipped", sign=-1)
    against = f", although you passed over {_listed(passed)}" if passed else ""
    return f"“{explanation.title}” {place}{why}{against}.{_otherwise(explanation)}"


def ordinal(rank: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    ending = "th" if rank // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank:,}{ending}"


def _for(parts: Sequence[Part]) -> list[str]:
    """Clauses of what speaks for the item."""
    clauses = []
    if titles := _names(parts, "liked"):
        clauses.append(f"you liked {_listed(titles)}")
    if words := _names(parts, "word"):
        clauses.append(f"your profile says {_listed(words)}")
    if any(part.kind == "item" for part in _weighty(parts, sign=1)):
        clauses.append("it does well with everybody")
    return clauses


def _names(parts: Sequence[Part], kind: Kind, sign: int = 1) -> list[str]:
    """What of that kind adds most, or takes most where `sign` is -1, each once and in quotation marks."""
    named = dict.fromkeys(part.what for part in _weighty(parts, sign) if part.kind == kind)
    return [f"“{what}”" for what in named][:MOST_NAMED]


def _weighty(parts: Sequence[Part], sign: int) -> list[Part]:
    """The parts of that sign that are worth a word, the weightiest first."""
    most = sum(abs(part.total) for part in parts if part.total > 0 and part.kind != "same")
    weighty = [part for part in parts if part.kind != "same" and sign * part.total > LEAST_SHARE * most]
    return sorted(weighty, key=lambda part: -abs(part.total))


def _otherwise(explanation: Explanation) -> str:
    """Where the item would rank without the title that it owes most to."""
    ranked = [each for each in explanation.without if each.kind == "liked" and _falls(each, explanation.rank)]
    if not ranked:
        return ""
    most = max(ranked, key=lambda each: each.rank or float("inf"))
    place = "be no candidate" if most.rank is None else f"rank {ordinal(most.rank)}"
    return f" Without “{most.what}” it would {place}."


def _falls(without: Without, rank: int | None) -> bool:
    return rank is not None and (without.rank is None or without.rank > rank)


def _listed(words: Sequence[str]) -> str:
    """a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
