"""Values of a configuration against the types that constructors say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from recloop.experiments.arguments import check_arguments, check_value, did_you_mean
from recloop.experiments.errors import UsageError


@dataclass
class Agent:
    steps: int = 1
    rate: float = 0.1
    head: Literal["item", "mlp"] = "item"


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 3), (float, 3), (float, 0.5), (str, "a"), (bool, True), (str | None, None), (str | None, "a"),
        (Literal["a", "b"], "b"), (tuple[int, ...], [1, 2]), (tuple[int, ...], []), (tuple[float, float], [0.3, 1]),
        (Sequence[str], ["a"]), (list[str], ["a"]), (Any, object()), (Agent, {"steps": 1}),
    ],
)  # fmt: skip
def test_a_value_of_the_type_passes(hint: Any, value: Any) -> None:
    check_value("key", value, hint)


@pytest.mark.parametrize(
    ("hint", "value", "wanted"),
    [
        (int, 1.5, "a whole number"),
        (int, True, "a whole number"),
        (int, "3", "a whole number"),
        (float, float("nan"), "a finite number"),
        (float, float("inf"), "a finite number"),
        (float, "0.1", "a finite number"),
        (float, 10**400, "a finite number"),
        (bool, 1, "true or false"),
        (str, 3, "a text"),
        (str | None, 3, "a text or null"),
        (Literal["a", "b"], "c", "one of a, b"),
        (tuple[int, ...], 3, "a list, each a whole number"),
        (tuple[int, ...], [1, "x"], "a list, each a whole number"),
        (tuple[float, float], [0.3], "a list of 2: a finite number, a finite number"),
        (list[str], "a", "a list, each a text"),
    ],
)
def test_another_value_is_refused_with_what_is_wanted(hint: Any, value: Any, wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_value("agent.key", value, hint)
    assert str(refused.value) == f"agent.key is {value!r}; give {wanted}"


def test_an_argument_that_a_class_does_not_take_is_refused_with_the_nearest_it_takes() -> None:
    with pytest.raises(
        UsageError, match=r"^agent\.step: Agent takes no such argument \(did you mean steps\?\); it takes"
    ):
        check_arguments(Agent, {"step": 3}, "agent")


def test_each_argument_is_checked_under_its_own_key() -> None:
    with pytest.raises(UsageError, match=r"^agent\.rate is 'fast'"):
        check_arguments(Agent, {"steps": 3, "rate": "fast"}, "agent")
    check_arguments(Agent, {"steps": 3, "rate": 1, "head": "mlp"}, "agent")


def test_what_is_like_nothing_gets_no_hint() -> None:
    assert did_you_mean("xyzzy", ["steps", "seed"]) == ""
    assert did_you_mean("sead", ["steps", "seed"]) == " (did you mean seed?)"
