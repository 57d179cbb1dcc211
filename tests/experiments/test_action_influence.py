"""Does what is recommended change what comes next?"""

from dataclasses import replace

import pytest

from recloop.envs.choice import Click
from recloop.envs.dynamics import Boredom, Drift, Part
from recloop.envs.sessions import Patience
from recloop.envs.task import Task
from recloop.experiments.action_influence import action_influence


def world(*dynamics: Part, gain: float = 0.0, loss: float = 0.0, offset: float = 0.55) -> Task:
    """A small catalog in which users never leave unless they lose patience."""
    task = Task.synthetic(60, 8, max_steps=20)
    choice, sessions = Click(scale=10, offset=offset), Patience(20, gain, loss)
    return replace(task, simulator=replace(task.simulator, dynamics=dynamics, sessions=sessions, choice=choice))


def test_where_nothing_changes_there_is_no_influence() -> None:
    assert action_influence(world()) == 0


def test_taste_that_moves_by_itself_is_no_influence() -> None:
    assert action_influence(world(Drift(rate=0.0, return_rate=0.1))) == 0


def test_boredom_remembers_everything_that_is_shown() -> None:
    assert action_influence(world(Boredom())) == 1


def test_patience_that_answers_to_clicks_is_an_influence() -> None:
    assert 0 < action_influence(world(gain=0.15, loss=0.1)) < 1


def test_drift_counts_where_one_is_clicked_and_the_other_is_not() -> None:
    assert 0 < action_influence(world(Drift())) < 1


def test_clicks_too_rare_to_be_met_are_no_certificate() -> None:
    """At log odds of -50 no luck drawn makes a click, but the expected taste moves."""
    influence = action_influence(world(Drift(rate=10.0), offset=1.75))
    assert influence == pytest.approx(3 / (256 * 19), rel=0.05)  # some of the pairs are one item twice


def test_a_session_of_one_step_has_nothing_to_change() -> None:
    task = world(Boredom())
    sessions = Patience(max_steps=1)
    assert action_influence(replace(task, simulator=replace(task.simulator, sessions=sessions))) == 0
