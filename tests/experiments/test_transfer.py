"""A trained agent speaks its own way, and plays as one that says items."""

from dataclasses import replace

import numpy as np
import pytest

from recloop.agents.dqn import DQNAgent
from recloop.agents.ppo import PPOAgent
from recloop.encoders.projection import Projection
from recloop.envs.actions import Actions, Candidates, Items, Proto
from recloop.envs.task import Task
from recloop.experiments.evaluate import Luck, play
from recloop.experiments.setting import Setting, item_space
from recloop.experiments.train import Agent
from recloop.experiments.transfer import Deployed, Translated, learner, own_distribution, speaking_items

AGENTS: list[Agent] = [PPOAgent(num_envs=2, batch_size=64, hidden=(8,)), DQNAgent(num_envs=2, hidden=(8,))]
ONCE = Items(repeats=False)


def task(actions: Actions) -> Task:
    return replace(Task.synthetic(60, 4, max_steps=6), actions=actions)


def setting(actions: Actions, *, elsewhere: bool = False) -> Setting:
    """Elsewhere other items are recommended than in training."""
    train, held_out = task(actions).offering(np.arange(30)), task(actions).offering(np.arange(30, 60))
    return Setting(train, held_out if elsewhere else train, Projection.fit(np.eye(4, dtype=np.float32), 2), {})


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_positions_become_items_where_the_agent_is_evaluated(agent: Agent, elsewhere: bool) -> None:
    where = setting(Candidates(False, retrieved=4, drawn=3), elsewhere=elsewhere)
    deployed = Deployed(agent, where, 0, "cpu")
    model = learner(agent, where.train, 0, "cpu")
    sessions = play(where.held_out, deployed(model), Luck.draw(where.held_out.simulator, 1, 0))
    shown = [[item for item in row if item >= 0] for row in sessions.items.tolist()]
    assert all(len(set(row)) == len(row) for row in shown)
    assert len({item for row in shown for item in row}) > 20  # not the seven positions


def test_an_agent_that_says_items_needs_no_translation() -> None:
    model = learner(AGENTS[0], task(Items()), 0, "cpu")
    assert speaking_items(model, task(Items())) is model


@pytest.mark.parametrize(("actions", "known"), [(Items(), True), (ONCE, True), (Candidates(retrieved=4), False)])
def test_how_likely_each_item_is_is_known_of_agents_that_say_items(actions: Actions, known: bool) -> None:
    model = learner(AGENTS[0], task(actions), 0, "cpu")
    distribution: object = own_distribution(speaking_items(model, task(actions)))
    assert distribution is (model if known else None)


def test_what_the_agent_remembers_is_kept() -> None:
    class Counting:
        def predict(self, observation, state=None, episode_start=None, deterministic=True):  # type: ignore[no-untyped-def]
            return np.full(len(observation), 1), 1 if state is None else state + 1

    where = task(Candidates(retrieved=4, drawn=3))
    seen = where.read(where.arrive(where.simulator.draw(3, np.random.default_rng(0))))
    items, state = Translated(Counting(), where.actions).predict(seen, state=4)
    assert state == 5
    assert items.tolist() == seen[:, where.layout["candidates"]][:, 1].tolist()


@pytest.mark.parametrize("actions", [Items(), ONCE, Candidates(retrieved=4), Proto()])
def test_an_agent_is_told_what_its_actions_are(actions: Actions) -> None:
    where = task(actions)
    items = item_space(where)
    assert items.layout == where.layout
    assert items.says == {Items: "item", Candidates: "candidates", Proto: "proto"}[type(actions)]
    assert items.nearest is not None
    np.testing.assert_array_equal(items.nearest(items.vectors[[3, 5]], 2)[:, 0], [3, 5])
