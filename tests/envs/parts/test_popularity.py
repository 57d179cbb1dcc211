import numpy as np
import pytest

from recloop.envs.parts.popularity import PopularityPull
from tests.envs.parts.moments import A, B, C, begun, cost, world

PART = PopularityPull(weight=0.1)


def test_the_pull_is_the_standardised_log_popularity() -> None:
    own = begun(PART, world())  # popularity 1/2, 1/4, 1/4: log2 is -1, -2, -2; mean -5/3, deviation sqrt(2)/3
    assert cost(PART, own, A, world()) == pytest.approx(-0.1 * 2 / np.sqrt(2), rel=1e-5)
    assert cost(PART, own, B, world()) == cost(PART, own, C, world()) == pytest.approx(0.1 / np.sqrt(2), rel=1e-5)


def test_an_item_never_logged_counts_as_the_rarest() -> None:
    unlogged = world(popularity=np.array([0.75, 0.25, 0], np.float32))
    assert cost(PART, begun(PART, unlogged), C, unlogged) == cost(PART, begun(PART, unlogged), B, unlogged)


@pytest.mark.parametrize("popularity", [1 / 3, 0.0])
def test_where_all_are_equally_popular_nothing_pulls(popularity: float) -> None:
    even = world(popularity=np.full(3, popularity, np.float32))
    assert cost(PART, begun(PART, even), A, even) == 0
