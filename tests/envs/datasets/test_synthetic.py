"""A made-up catalog of any size."""

import re
from typing import Any

import numpy as np
import pytest

from recloop.envs.datasets.synthetic import Synthetic

SMALL = Synthetic(num_items=5_000, dim=16, num_groups=50, num_users=200)


def test_items_are_named_after_their_group_when_they_are_asked_for() -> None:
    items = SMALL.read().items
    assert len(items) == 5_000
    assert items[0]["title"] == "item 0 of group 0"
    assert items[-1] == {"title": "item 99 of group 49", "text": "item 99 of group 49", "group": "group 49"}


def test_vectors_are_of_length_one_and_lie_around_the_centre_of_their_group() -> None:
    vectors = SMALL.vectors()
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    groups = vectors.reshape(100, 50, 16)  # [rank, group, dim]
    inside = np.einsum("rgd,qgd->rqg", groups, groups)[~np.eye(100, dtype=bool)]
    assert inside.mean() == pytest.approx(1 / (1 + 0.7**2), abs=0.02)
    assert abs(np.einsum("rgd,rhd->rgh", groups, groups)[:, ~np.eye(50, dtype=bool)].mean()) < 0.02


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    twin, other = (Synthetic(5_000, 16, 50, num_users=200, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(twin.vectors(), SMALL.vectors())
    assert not np.array_equal(other.vectors(), SMALL.vectors())
    data, again, apart = (source.read() for source in (SMALL, twin, other))
    np.testing.assert_array_equal(data.interactions.items, again.interactions.items)
    assert not np.array_equal(data.interactions.items, apart.interactions.items)
    assert data.fingerprint == again.fingerprint != apart.fingerprint


def test_popularity_has_a_long_tail() -> None:
    logged = SMALL.read().interactions
    rank = logged.items // 50
    assert (rank == 0).mean() > 0.1
    assert 0 < (rank >= 50).mean() < 0.2
    assert rank.max() <= 99


def test_users_like_the_groups_that_they_meet_most() -> None:
    logged = SMALL.read().interactions
    liked = logged.ratings >= 4
    met = [np.bincount(logged.items[logged.users == user] % 50, minlength=50) for user in range(200)]
    often = np.array([met[user][item % 50] for user, item in zip(logged.users, logged.items, strict=True)]) >= 8
    assert liked[often].mean() > 0.6 > 0.2 > liked[~often].mean()


def test_a_million_items_are_read_without_making_any() -> None:
    data = Synthetic().read()
    assert data.items[999_999]["title"] == "item 999 of group 999"
    assert len(data.interactions.users) == 30_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_items": 10}, "num_items is 10; give one a group or more, 1000"),
        ({"dim": 1}, "dim is 1; give a whole number of 2 or more"),
        ({"num_groups": 2}, "num_groups is 2; give a whole number of 3 or more"),
        ({"num_users": 1}, "num_users is 1; give a whole number of 2 or more"),
        ({"seed": -1}, "seed is -1 and apart is 0.7; give numbers of 0 or more"),
    ],
)
def test_numbers_that_make_no_catalog_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Synthetic(**changes)
