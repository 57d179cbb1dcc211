"""A step in words, for people who watch."""

import numpy as np

from recloop.envs.catalog import Ints
from recloop.envs.task import Outcome, Task
from recloop.envs.users import Users


def in_words(task: Task, users: Users, shown: tuple[Ints, Outcome] | None, row: int) -> str:
    """What the user in `row` was recommended, how they answered and how bored they are.

    Args:
        task: where the titles come from.
        users: the users after the step.
        shown: items and outcome of the step; None before the first.
        row: which user.
    """
    if shown is None:
        return f"A user has come (number {users.who[row]}); nothing recommended yet."
    items, outcome = shown
    felt = zip(np.atleast_1d(items[row]), *(np.atleast_1d(field[row]) for field in outcome.response), strict=True)
    answers = "; ".join(_answer(task.simulator.world.titles[item], *values) for item, *values in felt)
    return f"Recommended {answers}. {_how_it_goes_on(users, outcome, row)}"


def _answer(title: str, click: float, enjoyment: float, affinity: float, cost: float) -> str:
    answer = "clicked" if click else "not clicked"
    feeling = f"affinity {affinity:+.2f}), {_how_bored(cost)} (boredom takes {cost:.2f})"
    return f"{title}: {answer} (chance {enjoyment:.0%}; {feeling}"


def _how_it_goes_on(users: Users, outcome: Outcome, row: int) -> str:
    if outcome.terminated[row]:
        return "The user leaves."
    return "The session is over." if outcome.truncated[row] else f"Patience {float(users.patience[row]):.0%}."


def _how_bored(cost: float) -> str:
    """Boredom in words: what it takes from the appeal, in units of cosine."""
    levels = ((0.02, "not bored"), (0.1, "a little bored"), (0.25, "bored"))
    return next((words for limit, words in levels if cost < limit), "very bored of this kind")
