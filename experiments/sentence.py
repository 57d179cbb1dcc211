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

FIRST = 10
"""So many items of the highest rank are recommended because of what speaks for them."""

_LONGEST = 60


def sentence(explanation: Explanation) -> str:
    """The template: what speaks most for the item, what speaks against it, and what it would be without.

    “Aliens” ranks 1st because you liked “Alien” and “Heat”, although you passed over “Fargo”. Without “Alien” it
    would rank 14th. Of an item that is not among the first ten: “Aliens” ranks 812th; for it speaks that you liked
    “Alien”, against it that you liked “Heat”.
    """
    parts, rank = explanation.parts, explanation.rank
    place = "is no candidate" if rank is None else f"ranks {ordinal(rank)}"
    reasons, passed = _for(parts), _named("you passed over", parts, "skipped", sign=-1)
    if not reasons:
        why = ", and nothing that is told of you speaks for it"
    elif rank is not None and rank <= FIRST:
        why = f" because {_listed(reasons)}{f', although {passed[0]}' if passed else ''}"
    else:
        against = _named("you liked", parts, "liked", sign=-1) + passed
        why = f"; for it speaks that {_listed(reasons)}{f', against it that {_listed(against)}' if against else ''}"
    return f"“{explanation.title}” {place}{why}.{_otherwise(explanation)}"


def shortened(what: str) -> str:
    """A long phrase by its beginning and its end."""
    return what if len(what) <= _LONGEST else f"{what[: _LONGEST // 2]} … {what[-_LONGEST // 4 :]}"


def ordinal(rank: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    ending = "th" if rank // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank:,}{ending}"


def _for(parts: Sequence[Part]) -> list[str]:
    """Clauses of what speaks for the item."""
    everybody = any(part.kind == "item" for part in _weighty(parts, sign=1))
    return [
        *_named("you liked", parts, "liked"),
        *_named("your profile says", parts, "word"),
        *(["it does well with everybody"] if everybody else []),
    ]


def _named(clause: str, parts: Sequence[Part], kind: Kind, sign: int = 1) -> list[str]:
    """The clause of what of that kind adds most, or takes most where `sign` is -1; none if nothing does."""
    named = dict.fromkeys(part.what for part in _weighty(parts, sign) if part.kind == kind)
    listed = [f"“{shortened(what)}”" for what in named][:MOST_NAMED]
    return [f"{clause} {_listed(listed)}"] if listed else []


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
    return f" Without “{shortened(most.what)}” it would {place}."


def _falls(without: Without, rank: int | None) -> bool:
    return rank is not None and (without.rank is None or without.rank > rank)


def _listed(words: Sequence[str]) -> str:
    """a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
