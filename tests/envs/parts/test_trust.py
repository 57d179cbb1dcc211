import numpy as np
import pytest

from recloop.envs.parts.trust import Trust
from tests.envs.parts.moments import A, B, C, begun, cost, event, users, world

PART = Trust(weight=0.5, rate=0.75)
LIKES_B = np.array([[0, 1]], np.float32)


def test_what_the_trusted_like_appeals_more() -> None:
    own = begun(PART, world(), trusted=LIKES_B)
    assert [cost(PART, own, item, world()) for item in (A, B, C)] == pytest.approx([0, -0.5, -0.4])


def test_taste_goes_over_to_theirs_whatever_is_shown() -> None:
    own = begun(PART, world(), trusted=LIKES_B)
    moved = PART.advance(users(), own, event(C, clicks=[0]), world())
    np.testing.assert_allclose(moved.taste, [[0.8, 0.6]], rtol=1e-6)  # unit((1, 0) + 0.75 * (0, 1))


def test_who_trusts_nobody_is_left_alone() -> None:
    own = begun(PART, world(), trusted=0 * LIKES_B)
    assert cost(PART, own, B, world()) == 0
    assert PART.advance(users(), own, event(B), world()).taste.tolist() == [[1, 0]]


def test_a_population_without_trust_is_refused() -> None:
    with pytest.raises(ValueError, match="take a data set that has trust"):
        begun(PART, world())
