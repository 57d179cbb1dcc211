import numpy as np
import pytest

from recloop.envs.parts.device import Device
from tests.envs.parts.moments import A, B, begun, event, population, users, world

PART = Device(phone_share=0.25, patience_loss=0.2)
PHONE, DESK = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)


def patience(own: np.ndarray, clicks: list[float]) -> float:
    return float(PART.advance(users(), own, event(*[A, B][: len(clicks)], clicks=clicks), world()).patience[0])


def test_on_a_phone_a_step_without_a_click_costs_more_patience() -> None:
    assert patience(PHONE, [0]) == pytest.approx(0.8)
    assert patience(PHONE, [1]) == patience(DESK, [0]) == 1
    assert patience(PHONE, [0.5]) == pytest.approx(0.9)


def test_any_click_of_a_slate_counts_once() -> None:
    assert patience(PHONE, [0, 1]) == patience(PHONE, [1, 1]) == 1


def test_the_share_of_phones_is_as_given_and_seen() -> None:
    noise = np.random.default_rng(0).standard_normal((4_000, 1)).astype(np.float32)
    own = PART.begin(users(4_000), noise, world(), population())
    assert own.mean() == pytest.approx(0.25, abs=0.02)
    assert set(np.unique(own).tolist()) == {0, 1}
    assert PART.visible
    assert begun(PART, world(), noise=-3.0).tolist() == [[1]]


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="phone_share is"):
        Device(phone_share=share)
