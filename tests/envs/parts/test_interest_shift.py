import numpy as np
import pytest

from recloop.envs.parts.interest_shift import InterestShift
from recloop.envs.users import Population
from tests.envs.parts.moments import A, B, begun, event, users, world

PART = InterestShift(earliest_step=2, latest_step=4)
TASTES = np.array([[1, 0], [0, 1], [0, -1]], np.float32)


def test_whose_taste_it_will_be_and_when_are_uniform() -> None:
    people = Population(TASTES, np.array([1, 2]), spread=0.0)
    noise = np.random.default_rng(0).standard_normal((6_000, 2)).astype(np.float32)
    own = PART.begin(users(6_000), noise, world(), people)
    assert set(np.unique(own[:, 1]).tolist()) == {-1, 1}  # of members only
    for column, share in ((1, 1 / 2), (2, 1 / 3)):
        counts = np.unique(own[:, column], return_counts=True)[1]
        np.testing.assert_allclose(counts / 6_000, share, atol=0.03)
    assert set(np.unique(own[:, 2]).tolist()) == {2, 3, 4}


def test_the_most_extreme_luck_still_picks_a_member_and_a_step() -> None:
    assert begun(PART, world(), noise=40.0).tolist() == [[1, 0, 4]]
    assert begun(PART, world(), noise=-40.0).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(("clock", "taste"), [(1, [1, 0]), (2, [0, 1]), (3, [1, 0])])
def test_taste_and_profile_are_the_second_after_the_step_of_the_shift(clock: int, taste: list[float]) -> None:
    own = np.array([[0, 1, 3]], np.float32)
    moved = PART.advance(users(clock=clock), own, event(A), world())
    assert moved.taste.tolist() == moved.profile.tolist() == [taste]


def test_only_those_whose_time_has_come_change() -> None:
    own = np.array([[0, 1, 3], [0, 1, 4]], np.float32)
    moved = PART.advance(users(2, clock=2), own, event(B), world())
    assert moved.taste.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("earliest", "latest"), [(0, 3), (5, 4)])
def test_steps_out_of_order_are_refused(earliest: int, latest: int) -> None:
    with pytest.raises(ValueError, match=f"earliest_step is {earliest} and latest_step {latest}"):
        InterestShift(earliest, latest)
