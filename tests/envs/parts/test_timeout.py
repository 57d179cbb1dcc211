import pytest

from recloop.envs.parts.timeout import TimeOut
from tests.envs.parts.moments import A, B, C, after, begun, cost, event, world

PART = TimeOut(threshold=2, memory_steps=3, timeout_steps=2, weight=2.0)


def test_clicks_on_one_group_shut_it_out_for_the_time_given_and_the_other_group_stays() -> None:
    own = after(PART, begun(PART, world()), world(), event(A), event(C))
    felt = []
    for step in range(4):
        felt.append((cost(PART, own, A, world()), cost(PART, own, B, world())))
        own = after(PART, own, world(), event(B, clicks=[0]), clock=2 + step)
    assert felt == [(2, 0), (2, 0), (0, 0), (0, 0)]


def test_what_was_shown_without_a_click_does_not_count() -> None:
    own = after(PART, begun(PART, world()), world(), event(A, clicks=[0]), event(A), event(A, clicks=[0]))
    assert cost(PART, own, A, world()) == 0


def test_clicks_that_are_too_old_do_not_count() -> None:
    own = after(PART, begun(PART, world()), world(), event(A), event(B, clicks=[0]), event(B, clicks=[0]), event(A))
    assert cost(PART, own, A, world()) == 0


def test_the_clicks_that_led_to_a_time_out_are_forgotten() -> None:
    own = after(PART, begun(PART, world()), world(), event(A), event(A), event(A))
    assert cost(PART, own, A, world()) == 2  # the second step of the time-out
    own = after(PART, own, world(), event(B, clicks=[0]), clock=3)
    assert cost(PART, own, A, world()) == 0


def test_all_clicks_of_a_slate_count_and_probabilities_add_up() -> None:
    assert cost(PART, after(PART, begun(PART, world()), world(), event(A, C)), A, world()) == 2
    likely = [event(A, C, clicks=[0.5, 0.5]), event(A, C, clicks=[0.5, 0.5])]
    assert cost(PART, after(PART, begun(PART, world()), world(), *likely), A, world()) == 2


@pytest.mark.parametrize("name", ["threshold", "memory_steps", "timeout_steps"])
def test_a_time_or_a_count_below_1_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; give at least 1"):
        TimeOut(**{name: 0})
