import numpy as np
import pytest

from recloop.envs.parts.ad_fatigue import AdFatigue
from tests.envs.parts.moments import A, B, C, after, begun, cost, event, users, world

PART = AdFatigue(weight=0.2, half_life_steps=1.0, patience_loss=0.1)
WORLD = world(prices=np.array([0, 0.5, 1], np.float32))  # B and C are ads


def test_every_ad_adds_to_a_fatigue_that_fades_and_is_felt_by_ads_only() -> None:
    own = after(PART, begun(PART, WORLD), WORLD, event(B, clicks=[0]), event(C))
    assert own.tolist() == [[1.5]]
    assert [cost(PART, own, item, WORLD) for item in (A, B, C)] == pytest.approx([0, 0.3, 0.3])
    assert after(PART, own, WORLD, event(A)).tolist() == [[0.75]]


def test_every_ad_of_a_slate_takes_patience() -> None:
    assert PART.advance(users(), begun(PART, WORLD), event(A, B, C), WORLD).patience == pytest.approx(0.8)
    assert PART.advance(users(), begun(PART, WORLD), event(A), WORLD).patience == 1


def test_a_catalog_without_ads_is_refused() -> None:
    with pytest.raises(ValueError, match="give items prices, or leave ad_fatigue out"):
        begun(PART, world())


def test_a_half_life_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="half_life_steps is 0"):
        AdFatigue(half_life_steps=0)
