import numpy as np
import pytest

from recloop.envs.parts.daily_rhythm import DailyRhythm
from tests.envs.parts.moments import A, B, after, begun, cost, event, population, users, world

PART = DailyRhythm(weight=0.1, step_minutes=360)
MIDNIGHT = np.array([[1, 0]], np.float32)


def test_each_group_has_its_time_twelve_hours_apart_where_there_are_two() -> None:
    assert cost(PART, MIDNIGHT, A, world()) == pytest.approx(-0.1)
    assert cost(PART, MIDNIGHT, B, world()) == pytest.approx(0.1)


def test_time_goes_by_and_after_a_day_it_is_as_before() -> None:
    own = after(PART, MIDNIGHT, world(), event(A))
    np.testing.assert_allclose(own, [[0, 1]], atol=1e-6)  # six hours later
    assert cost(PART, own, A, world()) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(after(PART, own, world(), *[event(A)] * 3), MIDNIGHT, atol=1e-6)


def test_sessions_begin_at_any_time_of_day() -> None:
    noise = np.random.default_rng(0).standard_normal((4_000, 2)).astype(np.float32)
    own = PART.begin(users(4_000), noise, world(), population())
    np.testing.assert_allclose(np.linalg.norm(own, axis=1), 1, rtol=1e-5)
    hours = np.histogram(np.arctan2(own[:, 1], own[:, 0]), bins=8)[0] / 4_000
    np.testing.assert_allclose(hours, 1 / 8, atol=0.02)


def test_the_platform_sees_the_time() -> None:
    assert PART.visible
    assert begun(PART, world(), noise=1.0).tolist() == [pytest.approx([0.5**0.5, 0.5**0.5])]
