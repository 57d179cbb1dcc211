from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from recloop.envs.parts.repeats import Repeats
from tests.envs.parts.moments import A, B, C, after, begun, cost, event, world

PART = Repeats(memory_items=2, weight=2.0)


def test_what_was_clicked_is_not_wanted_again_and_what_was_only_shown_may_be() -> None:
    own = after(PART, begun(PART, world()), world(), event(A), event(B, clicks=[0]))
    assert own.tolist() == [[1, 2, 1, 0]]
    assert [cost(PART, own, item, world()) for item in (A, B, C)] == [2, 0, 0]


def test_the_oldest_is_forgotten() -> None:
    own = after(PART, begun(PART, world()), world(), event(A), event(B), event(C))
    assert [cost(PART, own, item, world()) for item in (A, B, C)] == [0, 2, 2]


def test_a_slate_is_remembered_whole_or_its_last_items() -> None:
    own = after(PART, begun(PART, world()), world(), event(A, B, C, clicks=[1, 1, 0]))
    assert own.tolist() == [[2, 3, 1, 0]]


def test_probabilities_add_up_to_1_at_most() -> None:
    own = after(PART, begun(PART, world()), world(), event(A, clicks=[0.25]), event(A, clicks=[0.5]))
    assert cost(PART, own, A, world()) == pytest.approx(1.5)
    own = after(PART, own, world(), event(A), event(A))
    assert cost(PART, own, A, world()) == 2


def test_numbers_that_float32_does_not_hold_are_refused() -> None:
    crowd: Any = SimpleNamespace(num_items=2**24)
    with pytest.raises(ValueError, match="16777216 items are too many"):
        PART.columns(crowd)


def test_a_memory_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_items is 0"):
        replace(PART, memory_items=0)
