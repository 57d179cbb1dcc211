"""What every data source gives: items and users in words, and what people did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    """

    name: str
    items: Sequence[Attributes]
    users: Sequence[Attributes]
    interactions: Interactions
    fingerprint: str
