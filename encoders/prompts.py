"""What language models are given to read: items, people, and what people did, as sentences.

A part of a template in square brackets is left out where one of its attributes is absent or empty.
"""

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class ItemPrompt:
    """The text of an item: a template whose fields are its attributes. Several values are joined by commas.

    >>> ItemPrompt()({"title": "Heat", "year": 1995, "genres": ["Action", "Crime"]})
    'Heat (1995). Action, Crime.'
    >>> ItemPrompt("{title}.[ Directed by {director}.][ With {cast}.]")({"title": "Heat", "director": "Michael Mann"})
    'Heat. Directed by Michael Mann.'
    """

    template: str = "{title} ({year}). {genres}."

    def __post_init__(self) -> None:
        _fields(self.template)

    def __call__(self, attributes: Mapping[str, object]) -> str:
        """Fill the template; raise a `ValueError` that names item and attribute where one is absent or empty."""
        return _fill(self.template, attributes, f"item {attributes.get('title', dict(attributes))!r}")


@dataclass(frozen=True)
class ProfilePrompt:
    """The text of a person, with "a" turned into "an" where the next word asks for it.

    `words` says values in another language than the data's: a value that stands there is replaced, any other stays.

    >>> ProfilePrompt()({"age": 18, "gender": "female", "occupation": "artist"})
    'An 18-year-old female artist.'
    >>> ProfilePrompt("{age}岁的{occupation}", {"artist": "艺术家"})({"age": 18, "occupation": "artist"})
    '18岁的艺术家'
    """

    template: str = "A {age}-year-old {gender} {occupation}."
    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _fields(self.template)

    def __call__(self, attributes: Mapping[str, object]) -> str:
        """Fill the template; raise a `ValueError` that names user and attribute where one is absent or empty."""
        said = {name: self._in_other_words(value) for name, value in attributes.items()} if self.words else attributes
        return _with_articles(_fill(self.template, said, f"user {dict(attributes)!r}"))

    def _in_other_words(self, value: object) -> object:
        return self.words.get(value, value) if isinstance(value, str) else value


@dataclass(frozen=True)
class HistoryPrompt:
    """The text of a person in the middle of a session: the profile and what they enjoyed and skipped of late.

    The last `max_items` of each kind are told, oldest first or `newest_first`: a model that is cut off, or that weighs
    its first words most, may read them otherwise. Without `tells_skipped` the text changes with clicks alone, so that
    fewer texts are read. Parts without content are left out; with no content at all the text is `stranger`.

    >>> HistoryPrompt(max_items=2)("A 24-year-old technician.", ["Heat", "Alien", "Fargo"], ["Casino"])
    'A 24-year-old technician. Recently enjoyed: Alien, Fargo. Skipped: Casino.'
    >>> HistoryPrompt(newest_first=True, tells_skipped=False)("", ["Heat", "Alien"], ["Casino"])
    'Recently enjoyed: Alien, Heat.'
    """

    max_items: int = 5
    newest_first: bool = False
    tells_skipped: bool = True
    enjoyed: str = "Recently enjoyed: {titles}."
    skipped: str = "Skipped: {titles}."
    stranger: str = "Somebody of whom nothing is known yet."

    def __post_init__(self) -> None:
        if self.max_items < 1:
            raise ValueError(f"max_items is {self.max_items}; a history prompt tells at least 1 title of each kind")
        for name, template in (("enjoyed", self.enjoyed), ("skipped", self.skipped)):
            if _fields(template) != {"titles"}:
                raise ValueError(f"{name} is {template!r}; it needs the one field {{titles}}")

    def __call__(self, profile: str, enjoyed: Sequence[str], skipped: Sequence[str]) -> str:
        """Give the text for a profile and the titles, oldest first, that were enjoyed and skipped."""
        passed_over = self._tell(self.skipped, skipped) if self.tells_skipped else ""
        parts = (profile, self._tell(self.enjoyed, enjoyed), passed_over)
        return " ".join(part for part in parts if part) or self.stranger

    def _tell(self, template: str, titles: Sequence[str]) -> str:
        if not titles:
            return ""
        latest = titles[-self.max_items :]
        return template.format(titles=", ".join(reversed(latest) if self.newest_first else latest))


@dataclass(frozen=True)
class RatingPrompt:
    """What a language model reads before it says how a person would rate an item: who they are, and how they rated.

    The beginning is the person's; what follows it, an item's, has the form of the lines before it, so that the stars
    are what comes next. The last `max_items` ratings are told, oldest first.

    >>> ask = RatingPrompt()
    >>> ask.beginning("A technician.", ["Heat (1995). Action.", "Alien (1979). Horror."], [5.0, 2.0]).splitlines()[1:]
    ['Heat (1995). Action. Stars: 5', 'Alien (1979). Horror. Stars: 2']
    >>> ask.ending("Fargo (1996). Crime.")
    'Fargo (1996). Crime. Stars: '
    """

    max_items: int = 12
    opening: str = "{profile} Their ratings, from 1 to 5 stars:"
    line: str = "{item} Stars: "

    def __post_init__(self) -> None:
        """Check the templates."""
        if self.max_items < 0:
            raise ValueError(f"max_items is {self.max_items}; tell 0 ratings or more")
        for name, template, wanted in (("opening", self.opening, "profile"), ("line", self.line, "item")):
            if _fields(template) != {wanted}:
                raise ValueError(f"{name} is {template!r}; it needs the one field {{{wanted}}}")

    def beginning(self, profile: str, items: Sequence[str], stars: Sequence[float]) -> str:
        """What is read of a person, once: the profile, then the items that they rated, each with its stars."""
        told = list(zip(items, stars, strict=True))[max(0, len(items) - self.max_items) :]
        lines = [self.opening.format(profile=profile), *(f"{self.ending(item)}{rating:g}" for item, rating in told)]
        return "".join(f"{line}\n" for line in lines)

    def ending(self, item: str) -> str:
        """What is read of an item, after which the stars come."""
        return self.line.format(item=item)


def _fields(template: str) -> set[str]:
    """The field names of a template; only plain ones, since `{title.__class__}` would reach into the program."""
    try:
        parts = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"template {template!r} cannot be read ({error}); write fields as {{title}}") from error
    for _, name, form, conversion in parts:
        if not str(name).isidentifier() or form or conversion:
            raise ValueError(f"template {template!r} has the field {name!r}; a field is the plain name of an attribute")
    _check_brackets(template)
    return {str(name) for _, name, _, _ in parts}


def _check_brackets(template: str) -> None:
    if {"[", "]"} & set(_OPTIONAL.sub("", template)) or any("{" not in part for part in _OPTIONAL.findall(template)):
        raise ValueError(
            f"template {template!r} has brackets that hold no field, or no end; write parts that may be left out as "
            "[ by {author}]"
        )


def _fill(template: str, attributes: Mapping[str, object], whose: str) -> str:
    words = {name: _in_words(attributes.get(name)) for name in _fields(template)}
    kept = _OPTIONAL.sub(lambda part: part[1] if all(words[name] for name in _fields(part[1])) else "", template)
    for name in sorted(_fields(kept)):
        if not words[name]:
            raise ValueError(
                f"{whose} has no {name!r}, which the template {template!r} asks for; write [{{{name}}}] if it may be "
                "left out, supply it, or change the template"
            )
    return kept.format_map(words)


def _in_words(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(each) for each in value)
    return str(value).strip()


def _with_articles(text: str) -> str:
    """Write "an" before a vowel sound: an artist, an 18-year-old, an 8-year-old; but a user, a university, a one."""
    return re.sub(r"\b([Aa]) (?=[ai]|e(?!u)|o(?!ne\b)|u(?!ni|se)|8|1[18]\b)", r"\1n ", text)
