import math

import numpy as np
import pytest

from recloop.envs.parts.satisfaction import Satisfaction, kale
from tests.envs.parts.moments import A, C, after, begun, cost, event, world

PART = Satisfaction(weight=0.4, pull=0.1, sensitivity=2.0, half_life_steps=1.0)


def test_kale_is_the_rank_of_the_quality_and_equals_share_theirs() -> None:
    assert kale(world()).tolist() == [0.25, 0.25, 1]
    assert kale(world(quality=np.zeros(3, np.float32))).tolist() == [0.5, 0.5, 0.5]


def test_at_arrival_only_the_pull_of_chocolate_is_felt() -> None:
    own = begun(PART, world())
    assert cost(PART, own, A, world()) == pytest.approx(-0.1 * 0.75)
    assert cost(PART, own, C, world()) == 0


def test_kale_that_was_clicked_does_good_later_and_chocolate_does_harm() -> None:
    healthy = after(PART, begun(PART, world()), world(), event(C), event(C))
    assert healthy.tolist() == [[1.5]]  # 0.5 * 1 + 1
    satisfaction = 1 / (1 + math.exp(-2 * 1.5))
    assert cost(PART, healthy, C, world()) == pytest.approx(0.4 * (1 - 2 * satisfaction), rel=1e-5)
    sweet = after(PART, begun(PART, world()), world(), event(A))
    assert sweet.tolist() == [[-0.5]]
    assert cost(PART, sweet, C, world()) == pytest.approx(0.4 * (1 - 2 / (1 + math.exp(2 * 0.5))), rel=1e-5)


def test_what_was_not_clicked_does_neither_and_the_exposure_fades() -> None:
    own = after(PART, begun(PART, world()), world(), event(C), event(A, clicks=[0]))
    assert own.tolist() == [[0.5]]


def test_a_half_life_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="half_life_steps is -1"):
        Satisfaction(half_life_steps=-1)
