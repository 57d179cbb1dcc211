"""What users write of what they were shown, and how far that moves what the platform believes of them."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from recloop.envs.catalog import Bools, Catalog, Floats, Ints, unit
from recloop.envs.simulator import Response
from recloop.envs.users import Users, take_rows

Doubles = NDArray[np.float64]

_FINE = np.float32(4096)
"""Noise is a multiple of 2^-24; what lies below one part in 4,096 decides who writes, what lies above who clicks."""


class Author(Protocol):
    """Puts words into sentences, such as `recloop.encoders.author.Author`."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that the sentences depend on, beside the words."""
        ...

    def write(self, kinds: Sequence[str], wish: Literal["more", "less"]) -> Sequence[tuple[str, int]]:
        """A sentence of somebody who wants more, or less, of each of `kinds`, and the drafts it took; 0 for none."""
        ...


@dataclass(frozen=True)
class Remarks:
    """Somebody who was shown an item writes a sentence about it now and then, of words that items have: their genres.

    What is written follows from what is felt. `more` and `less` are words w, each the direction g_w in which the items
    that have it lie in the world, and the taste t is that before the recommendation changed anything:

        clicked                          `liked`     more: of the item's words, that of the highest <t, g_w>
        else boredom took `bored_from`   `bored`     less: of the item's words, that of the highest <exposure, g_w>
        else quality under `poor_below`  `poor`      more: of all words, that of the highest wish
        else                             `disliked`  less: of the item's words, that of the lowest <t, g_w>

    where wish = <t, g_w> - boredom_weight * max(0, <exposure, g_w>), and in `bored` and `disliked` more is the word of
    the highest wish that the item has not. Of a slate, people write of its first item.

    A sentence says no more than which of some 2 * words^2 different ones it is: with 19 genres, 9.6 bits at most.

    With an `author`, {more} and {less} are no words but sentences of its own that ask for them, or for less of them.

    Args:
        chance: that somebody writes after a recommendation.
        gain: how far a sentence moves the state, see `Feedback`; 0 where nobody reads it.
        boredom_weight: of what was shown of late, in what people wish for.
        bored_from: what boredom takes from the appeal, in units of cosine, from which people say that they are bored.
        poor_below: quality of an item, in log odds, below which people say that it is poor.
        liked: a template with the fields {more} and {less}, or one of them; so are the following.
        bored: of the same again.
        poor: of an item that few like.
        disliked: of an item that others may like.
        words: how people write a word, by the word in small letters; as it is where nothing is said, as in English.
        author: who puts the words into sentences; None for the words themselves.
    """

    chance: float = 0.3
    gain: float = 0.3
    boredom_weight: float = 0.4
    bored_from: float = 0.1
    poor_below: float = -1.0
    liked: str = "I love this {more}."
    bored: str = "Too much {less} lately, something with {more}?"
    poor: str = "Show me better {more} than that."
    disliked: str = "Too much {less} for me, I would rather see {more}."
    words: Mapping[str, str] = field(default_factory=dict)
    author: Author | None = None

    def __post_init__(self) -> None:
        """Check the ranges and the templates."""
        if not 0 <= self.chance <= 1:
            raise ValueError(f"chance is {self.chance}; give a probability, from 0 to 1")
        if not self.gain >= 0:
            raise ValueError(f"gain is {self.gain}; give 0, where nobody reads what is written, or more")
        for name in KINDS:
            _check_template(name, getattr(self, name))

    def of(self, world: Catalog, attributes: Sequence[Sequence[str]]) -> "Writer":
        """Who writes them, of a catalog whose items have these words, [num_items][any].

        Raises:
            ValueError: an item has no word, or there are fewer than two different ones.
        """
        words = sorted({word for own in attributes for word in own})
        if len(words) < 2 or not all(attributes):
            raise ValueError(f"{len(words)} different words for {len(attributes)} items; give each one or more of them")
        has = np.array([[word in own for word in words] for own in map(set, attributes)])  # [num_items, words]
        directions = unit((has.T.astype(np.float32) @ world.vectors).astype(np.float32))  # [words, dim]
        written = tuple(self.words.get(word.lower(), word.lower()) for word in words)
        return Writer(self, written, has, directions, more=written, less=written)


KINDS = tuple(each.name for each in fields(Remarks) if each.type is str or each.type == "str")
"""Kinds of remarks: `liked`, `bored`, `poor`, `disliked`."""


@dataclass(frozen=True, eq=False)
class Writer:
    """Writes what users think; a text is known by its number, -1 for nothing.

    Args:
        remarks: what they write.
        words: that items have, as people write them.
        has: which item has which, [num_items, words].
        directions: where the items of each word lie in the world, unit vectors [words, dim].
        more: what stands for each word where it is asked for; the word itself, or what an author has made of it.
        less: what stands for it where people have had enough.
    """

    remarks: Remarks
    words: tuple[str, ...]
    has: Bools
    directions: Floats
    more: tuple[str, ...]
    less: tuple[str, ...]

    @cached_property
    def texts(self) -> list[str]:
        """All that can be written, by number: of each kind, for each `less` and each `more`; some are the same."""
        templates = [getattr(self.remarks, kind) for kind in KINDS]
        return [each.format(less=less, more=more) for each in templates for less in self.less for more in self.more]

    def offering(self, rows: Ints) -> "Writer":
        """The same of a catalog of the items in `rows` [k] alone."""
        return replace(self, has=self.has[rows])

    def write(self, users: Users, items: Ints, response: Response, quality: Floats, noise: Floats) -> Ints:
        """The number of what each user writes, [n], -1 for nothing.

        Args:
            users: before the recommendation.
            items: what they were shown, [n] or [n, slate].
            response: how they answered.
            quality: of all items, in log odds, [num_items].
            noise: the luck of the step, uniform in [0, 1), as `items`.
        """
        said = np.full(len(users.who), -1)
        rows = np.flatnonzero(_first(noise) * _FINE % 1 < self.remarks.chance)  # who writes, [k]
        if len(rows):
            click, cost = (_first(values)[rows] for values in (response.click, response.cost))
            shown = items.reshape(len(items), -1)[rows, 0]
            said[rows] = self._number(take_rows(users, rows), shown, click, cost, quality)
        return said

    def _number(self, users: Users, items: Ints, click: Floats, cost: Floats, quality: Floats) -> Ints:
        has = self.has[items]  # [k, words]
        liking, seen = (_along(self.directions, of) for of in (users.taste, users.exposure))  # [k, words]
        wish = liking - self.remarks.boredom_weight * np.maximum(seen, 0)
        others = np.where(has.all(axis=1, keepdims=True), True, ~has)
        own, other = _highest(liking, has), _highest(wish, others)
        clicked, bored, poor = click > 0, cost >= self.remarks.bored_from, quality[items] < self.remarks.poor_below
        kind = np.select([clicked, bored, poor], [0, 1, 2], 3)
        more = np.select([clicked, bored, poor], [own, other, wish.argmax(axis=1)], other)
        less = np.where(bored, _highest(seen, has), _highest(-liking, has))
        number: Ints = (kind * len(self.words) + less) * len(self.words) + more
        return number


@dataclass(frozen=True, eq=False)
class Feedback:
    """Users who write, and a platform that reads it.

        state' = unit(state + step[text]),    step[text] = gain * sum over its clauses of sentiment * content

    where a language model has read content, a unit vector in the space of the agent's items, and sentiment, -1 to 1, of
    every text that can be written (`recloop.encoders.hearing`); so that training only looks up a number.

    Args:
        writer: of what users write.
        steps: how far each text moves the state, [texts, dim].
    """

    writer: Writer
    steps: Floats

    def __post_init__(self) -> None:
        """Every text was read."""
        if len(self.steps) != len(self.writer.texts):
            raise ValueError(f"{len(self.steps)} steps for {len(self.writer.texts)} texts; read all of them")

    def offering(self, rows: Ints) -> "Feedback":
        """The same of a catalog of the items in `rows` [k] alone."""
        return replace(self, writer=self.writer.offering(rows))


def _first(values: Floats) -> Floats:
    """The value of the first item of each slate, [n]."""
    return values.reshape(len(values), -1)[:, 0]


def _along(directions: Floats, of: Floats) -> Doubles:
    """Inner products [k, words]; by einsum, which rounds a row alike whatever the number of rows."""
    products: Doubles = np.einsum("kd,wd->kw", of.astype(np.float64), directions.astype(np.float64))
    return products


def _highest(values: Doubles, among: Bools) -> Ints:
    """The column of the highest of `values` [k, words] that is marked in `among`, [k]."""
    best: Ints = np.where(among, values, -np.inf).argmax(axis=1)
    return best


def _check_template(name: str, template: str) -> None:
    """Only the plain fields, since `{more.__class__}` would reach into the program."""
    try:
        parts = [
            (field, form, sign) for _, field, form, sign in string.Formatter().parse(template) if field is not None
        ]
    except ValueError as error:
        raise ValueError(
            f"{name} is {template!r}, which cannot be read ({error}); write {{more}} and {{less}}"
        ) from error
    if not parts or any(field not in ("more", "less") or form or sign for field, form, sign in parts):
        raise ValueError(f"{name} is {template!r}; give a text with {{more}}, {{less}} or both")
