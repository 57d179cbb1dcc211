"""What recommendations do to people, part by part; the numbers of a step are in test_simulator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.envs.catalog import Catalog
from recloop.envs.dynamics import Boredom, Event
from recloop.envs.sessions import Patience
from recloop.envs.users import Population, Users

SHOWN = np.array([[1, 0]], np.float32)
CLICK = np.ones(1, np.float32)
WORLD = Catalog(SHOWN, ["A"], ["film A"], ["film"], CLICK, 0 * CLICK)
EVENT = Event(np.array([[0]]), CLICK[:, None], SHOWN, SHOWN)


def user(patience: float = 1.0, clock: int = 0) -> Users:
    users = Population(SHOWN, np.array([0]), spread=0.0).arrive(np.array([0]), np.zeros((1, 2), np.float32))
    return users._replace(patience=np.array([patience], np.float32), clock=np.array([clock]))


@given(st.integers(1, 12))
def test_half_of_the_exposure_is_left_after_the_half_life(steps: int) -> None:
    boredom, users = Boredom(half_life_steps=steps, gain=0.0), user()._replace(exposure=SHOWN)
    for _ in range(steps):
        users = boredom.advance(users, users.own, EVENT, WORLD)
    np.testing.assert_allclose(users.exposure, SHOWN / 2, rtol=1e-5)


def test_an_item_opposite_to_what_was_shown_bores_nobody() -> None:
    users = user()._replace(exposure=-SHOWN)
    assert Boredom(weight=0.4).cost(users, users.own, np.array([0]), WORLD)[0] == 0


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_that_is_no_time_is_refused(half_life: float) -> None:
    with pytest.raises(ValueError, match="half_life_steps is"):
        Boredom(half_life_steps=half_life)


@pytest.mark.parametrize(
    ("patience", "clock", "ending"),
    [(0.5, 3, (False, False)), (0.0, 3, (True, False)), (-0.1, 5, (True, False)), (0.5, 5, (False, True))],
)
def test_leaving_terminates_and_time_truncates(patience: float, clock: int, ending: tuple[bool, bool]) -> None:
    left, over = Patience(max_steps=5).ended(user(patience, clock))
    assert (bool(left[0]), bool(over[0])) == ending


def test_a_user_who_never_clicks_leaves_when_patience_is_spent() -> None:
    sessions, users, steps = Patience(max_steps=40, loss=0.1), user(), 0
    while not sessions.ended(users)[0][0]:
        users, steps = sessions.advance(users, 0 * CLICK), steps + 1
    assert steps == 10


@given(st.lists(st.booleans(), min_size=7, max_size=7), st.floats(0, 1), st.floats(0, 1))
def test_the_session_ends_whatever_the_user_does(clicks: list[bool], gain: float, loss: float) -> None:
    sessions, users = Patience(max_steps=7, gain=gain, loss=loss), user()
    for click in clicks:
        users = sessions.advance(users, CLICK * click)
    assert np.logical_or(*sessions.ended(users)).all()


def test_a_session_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="max_steps is 0"):
        Patience(max_steps=0)
