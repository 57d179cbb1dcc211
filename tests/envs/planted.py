"""Ratings of people whose taste is known: along two of the many directions in which texts differ."""

import numpy as np

from recloop.envs.catalog import Floats, unit
from recloop.envs.interactions import Interactions

NUM_USERS, NUM_ITEMS, DIM = 120, 150, 12


def language() -> Floats:
    """Vectors of the texts, [NUM_ITEMS, DIM]."""
    return unit(np.random.default_rng(0).standard_normal((NUM_ITEMS, DIM)).astype(np.float32))


def ratings(strength: float = 4.0, seed: int = 1) -> Interactions:
    """40 ratings a user: 3.5 stars, an effect of the item, taste for the first two directions, and noise."""
    rng = np.random.default_rng(seed)
    vectors, effect = language(), rng.normal(0, 0.5, NUM_ITEMS)
    taste = rng.standard_normal((NUM_USERS, 2))
    users = np.repeat(np.arange(NUM_USERS), 40)
    items = np.concatenate([rng.permutation(NUM_ITEMS)[:40] for _ in range(NUM_USERS)])
    felt = strength * np.einsum("md,md->m", taste[users], vectors[items, :2])
    stars = np.clip(np.round(3.5 + effect[items] + felt + rng.normal(0, 0.5, len(users))), 1, 5)
    return Interactions.sort(users, items, stars.astype(np.float32), np.arange(len(users)), NUM_USERS, NUM_ITEMS)
