"""Slates drawn item by item: by hand, and over all slates there are."""

from itertools import permutations

import numpy as np
import pytest
import torch

from recloop.agents.dqn import DQNAgent
from recloop.agents.policy import ItemSpace
from recloop.agents.ppo import PPOAgent
from recloop.agents.slates import PlackettLuce
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.choice import MultinomialLogit
from recloop.envs.observations import Pooled
from recloop.envs.rewards import Reward
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

SLOTS = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
LOGITS = torch.log(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))


def space(slots: np.ndarray | None = None, num_items: int = 4) -> ItemSpace:
    vectors, ones = np.eye(num_items, 2, dtype=np.float32) + 1, np.ones(num_items, np.float32)
    return ItemSpace(vectors, ones, ones, {"state": slice(0, 2), "exposure": slice(2, 4)}, 2, slots)


def given(slots: np.ndarray | None = None, n: int = 1) -> PlackettLuce:
    return PlackettLuce(space(slots)).proba_distribution(LOGITS.repeat(n, 1))


@pytest.mark.parametrize(
    ("slots", "slate", "probability"),
    [(None, (3, 0), 4 / 10 * 1 / 6), (SLOTS, (1, 0), 2 / 3 * 1 / 8), (SLOTS, (3, 0), 0.0)],
)
def test_each_item_is_chosen_among_those_left(
    slots: np.ndarray | None, slate: tuple[int, int], probability: float
) -> None:
    assert float(given(slots).log_prob(torch.tensor([slate])).exp()) == pytest.approx(probability)


@pytest.mark.parametrize("slots", [None, SLOTS])
def test_the_probabilities_of_all_slates_add_up_to_one_and_say_how_often_each_is_drawn(
    slots: np.ndarray | None,
) -> None:
    torch.manual_seed(0)
    slates = torch.tensor(list(permutations(range(4), 2)))
    probability = PlackettLuce(space(slots)).proba_distribution(LOGITS.repeat(12, 1)).log_prob(slates).exp()
    assert float(probability.sum()) == pytest.approx(1)
    drawn = given(slots, 40_000).sample()
    often = (drawn[:, None] == slates).all(dim=2).float().mean(dim=0)
    torch.testing.assert_close(often, probability, atol=0.012, rtol=0)


def test_the_mode_takes_the_best_that_fits() -> None:
    assert given().mode().tolist() == [[3, 2]]
    assert given(SLOTS).mode().tolist() == [[1, 3]]


def task() -> Task:
    whole = Task.synthetic(20, 4, max_steps=8)
    world, people, dynamics, sessions = (
        getattr(whole.simulator, name) for name in ("world", "population", "dynamics", "sessions")
    )
    simulator = Simulator(world, people, MultinomialLogit(2, 10, 0.55), dynamics, sessions)
    slots = np.zeros((2, 20), bool)
    slots[0, :15], slots[1, 10:] = True, True
    return Task(simulator, Pooled(world, people.tastes, 8), Reward(), slots)


def items_of(task: Task) -> ItemSpace:
    catalog = task.observation.items
    return ItemSpace(catalog.vectors, catalog.quality, catalog.popularity, task.observation.layout, 2, task.slots)


def test_ppo_learns_on_slates_that_fit() -> None:
    env = GymnasiumVecEnv(RecommendVectorEnv(8, task()))
    model = PPOAgent(num_envs=8, rollout_steps=8, batch_size=32).learner(env, items_of(task()), 0, "cpu")
    before = [values.clone() for values in model.policy.parameters()]
    model.learn(200)  # the environment refuses a slate that does not fit
    assert any(not torch.equal(old, new) for old, new in zip(before, model.policy.parameters(), strict=True))


@pytest.mark.parametrize("agent", [DQNAgent(), PPOAgent(head="mlp")])
def test_agents_that_name_one_item_refuse_slates(agent: DQNAgent | PPOAgent) -> None:
    env = GymnasiumVecEnv(RecommendVectorEnv(2, task()))
    with pytest.raises(ValueError, match="not 2; choose"):
        agent.learner(env, items_of(task()), 0, "cpu")
