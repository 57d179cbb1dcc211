"""What every data source gives: items and users in words, and what people did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recloop.envs.catalog import Ints
from recloop.envs.interactions import Interactions

Attributes = Mapping[str, str]
"""What is known of one item or user, by name ("title", "age"), ready to be filled into a prompt."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A catalog and its users, before any model has read them.

    Args:
        name: of the source.
        items: attributes of each item; "title" and "group" are always there.
        users: attributes of each user.
        interactions: what the users did with the items.
        fingerprint: sha256 of the files read.
        trust: who trusts whom, rows of users [edges, 2], truster and trusted; None where nobody was asked.
        figures: what is worth telling of how it was read, by name; shares from 0 to 1.
    """

    name: str
    items: Sequence[Attributes]
    users: Sequence[Attributes]
    interactions: Interactions
    fingerprint: str
    trust: Ints | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
