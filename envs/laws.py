"""Laws of the simulator that hold for all dynamics, choices and slates, as checks; `envs/checks.py` lists them."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.dynamics import Part
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.envs.trials import demand, first_steps
from recloop.envs.users import Population, Users, take_rows

_DRAWS = 64
_UNLIKELY = 6.0
"""Standard errors: by chance once in five hundred million."""


def a_step_leaves_what_it_is_handed_as_it_is(task: Task, seed: int) -> None:
    """Users are values: planners and replays begin twice from the same ones."""
    for before, items, noise, *_ in first_steps(task, seed, n=32):
        handed = [*chain(*before), items, noise]
        copies = [array.copy() for array in handed]
        task.step(before, items, noise)
        task.simulator.expected_step(before.users, items)
        pairs = enumerate(zip(handed, copies, strict=True))
        changed = [number for number, (array, copy) in pairs if not np.array_equal(array, copy)]
        demand(not changed, f"arrays {changed} of what the step was handed have changed")


def the_answer_follows_from_the_taste_before_the_step(task: Task, seed: int) -> None:
    """`affinity = <taste, e>`, and enjoyment and click are the choice's, of affinity, costs and quality."""
    simulator = task.simulator
    world, choice = simulator.world, simulator.choice
    for before, items, noise, _, outcome in first_steps(task, seed):
        response = outcome.response
        affinity = np.einsum("nd,n...d->n...", before.users.taste, world.vectors[items])  # as items
        off = np.abs(affinity - response.affinity).max()
        demand(off < 1e-4, f"the affinity is off by {off:.3g}")
        chance, click = choice.answer(response.affinity, response.cost, world.quality[items], noise)
        off = np.abs(chance - response.enjoyment).max()
        demand(off < 1e-5, f"the enjoyment is off by {off:.3g}")
        demand((click != response.click).mean() < 0.01, "clicks are other than the choice's")  # at the edge by rounding


def what_appeals_more_is_clicked_more_and_a_cost_prevents_it(task: Task, seed: int) -> None:
    """Of each position of a slate, all else being equal."""
    choice, world = task.simulator.choice, task.simulator.world
    *_, (_, items, noise, _, outcome) = first_steps(task, seed, steps=2)
    affinity, cost, quality = outcome.response.affinity, outcome.response.cost, world.quality[items]
    chance = choice.answer(affinity, cost, quality, noise)[0].reshape(len(items), -1)
    for position in range(choice.slate):
        step = np.zeros(chance.shape, np.float32)
        step[:, position] = 0.1
        more = step.reshape(affinity.shape)
        for words, answer in (
            ("what appeals more", choice.answer(affinity + more, cost, quality, noise)),
            ("better quality", choice.answer(affinity, cost, quality + more, noise)),
            ("a lower cost", choice.answer(affinity, cost - more, quality, noise)),
        ):
            gain = (answer[0].reshape(chance.shape) - chance)[:, position]
            demand(gain.min() > -1e-6 and gain.max() > 0, f"{words} at position {position} is clicked less")


def clicks_come_as_often_as_they_are_likely(task: Task, seed: int) -> None:
    """At each position; and an expected step has the probabilities in their place."""
    simulator, rng = task.simulator, np.random.default_rng(seed)
    *_, (before, items, _, _, outcome) = first_steps(task, seed, steps=2)
    chance = outcome.response.enjoyment
    expected = simulator.expected_step(before.users, items)[1]
    demand(np.array_equal(expected.click, expected.enjoyment), "an expected step has other clicks than their chances")
    demand(np.allclose(expected.enjoyment, chance, atol=1e-5), "an expected step has other chances")
    clicks = sum(
        simulator.respond(before.users, items, rng.random(items.shape, np.float32)).click for _ in range(_DRAWS)
    )
    surprise = (clicks - _DRAWS * chance).sum(axis=0)  # a number, or [slate]
    error = np.sqrt((_DRAWS * chance * (1 - chance)).sum(axis=0))
    worst = float(np.max(np.abs(surprise) / np.maximum(error, 1)))
    demand(worst < _UNLIKELY, f"clicks are {worst:.1f} standard errors from what is said to be likely")


def what_the_dynamics_remember_is_finite_and_tastes_are_unit(task: Task, seed: int) -> None:
    """Over whole sessions, patience included; `Users.own` is float32 of one width."""
    columns = task.simulator.columns
    for step, seen in enumerate(first_steps(task, seed, n=64, steps=task.simulator.sessions.max_steps)):
        users: Users = seen.after.users
        demand(
            users.own.dtype == np.float32 and users.own.shape == (64, columns),
            f"{users.own.dtype} {users.own.shape} is remembered at step {step}; {columns} columns were announced",
        )
        for name in ("taste", "profile", "exposure", "patience", "own"):
            demand(np.isfinite(getattr(users, name)).all(), f"a {name} is not finite at step {step}")
        for name in ("taste", "profile"):
            length = np.linalg.norm(getattr(users, name), axis=1)
            demand(np.allclose(length, 1, atol=1e-3), f"a {name} has length {length.max():.4g} at step {step}")


def a_part_reads_only_what_is_its_own(task: Task, seed: int) -> None:
    """With a part in front that remembers and does nothing, all others fare as before."""
    simulator = task.simulator
    beside: Simulator = replace(simulator, dynamics=(_Bystander(), *simulator.dynamics))
    for step, (before, items, noise, after, outcome) in enumerate(first_steps(task, seed, n=32)):
        other = take_rows(before.users, slice(None))._replace(own=_beside(before.users.own))
        users, response = beside.step(other, items, noise)
        expected = after.users._replace(own=_beside(after.users.own))
        pairs: Iterable[tuple[Any, Any]] = zip(chain(users, response), chain(expected, outcome.response), strict=True)
        same = all(np.allclose(one, two, atol=1e-5) for one, two in pairs)
        demand(same, f"at step {step} somebody reads or writes columns that are another part's")


class _Bystander(Part):
    """Remembers a number for each user."""

    width: ClassVar[int] = 3

    def columns(self, world: Catalog) -> int:
        return self.width

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        return _beside(users.own)[:, : self.width]


def _beside(own: Floats) -> Floats:
    """What is remembered, with the bystander's columns in front, [n, 3 + columns]."""
    front = np.full((len(own), _Bystander.width), 7, np.float32)
    return np.concatenate([front, own], axis=1)


LAWS: tuple[Any, ...] = (
    a_step_leaves_what_it_is_handed_as_it_is,
    the_answer_follows_from_the_taste_before_the_step,
    what_appeals_more_is_clicked_more_and_a_cost_prevents_it,
    clicks_come_as_often_as_they_are_likely,
    what_the_dynamics_remember_is_finite_and_tastes_are_unit,
    a_part_reads_only_what_is_its_own,
)
"""In the order in which they are tried."""
