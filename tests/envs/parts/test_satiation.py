import pytest

from recloop.envs.parts.satiation import Satiation
from tests.envs.parts.moments import A, B, C, after, begun, cost, event, world

PART = Satiation(weight=0.2, half_life_steps=1.0)


def test_satiation_is_of_the_group_and_halves_after_the_half_life() -> None:
    once = after(PART, begun(PART, world()), world(), event(A))
    assert once.tolist() == [[0.5, 0]]
    assert cost(PART, once, C, world()) == pytest.approx(0.1)
    assert cost(PART, once, B, world()) == 0
    assert after(PART, once, world(), event(B)).tolist() == [[0.25, 0.5]]


def test_an_impression_counts_clicked_or_not() -> None:
    own = begun(PART, world())
    assert after(PART, own, world(), event(A, clicks=[0])).tolist() == after(PART, own, world(), event(A)).tolist()


def test_each_item_of_a_slate_counts_for_its_share() -> None:
    assert after(PART, begun(PART, world()), world(), event(A, B, C, A)).tolist() == [[0.375, 0.125]]


def test_a_half_life_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="half_life_steps is 0"):
        Satiation(half_life_steps=0)
