"""What every data source gives: items and users in words, and what people did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from recloop.envs.catalog import Floats, Ints
from recloop.envs.interactions import Interactions

Attributes = Mapping[str, str]
"""What is known of one item or user, by name ("title", "age"), ready to be filled into a prompt."""


class OwnVectors(NamedTuple):
    """Vectors that items bring, so that no model needs to read their texts (encoder=given)."""

    fingerprint: str  # SHA-256, in hex, of what they are
    make: Callable[[], Floats]  # unit vectors, float32 [num_items, dim]


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
        vectors: that the items bring; None where they bring texts alone.
        figures: what is worth telling of how it was read, by name; shares from 0 to 1.
    """

    name: str
    items: Sequence[Attributes]
    users: Sequence[Attributes]
    interactions: Interactions
    fingerprint: str
    trust: Ints | None = None
    vectors: OwnVectors | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
