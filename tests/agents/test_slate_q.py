"""SlateQ: the value of a slate from the values of its items, and the best slate."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from recloop.agents.policy import Ints, ItemSpace
from recloop.agents.slate_q import SlateQ, SlateQAgent, Values, _chances, _outcomes, best_slates, first
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.choice import Cascade, PositionBias
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from recloop.experiments.setting import item_space
from tests.agents.conftest import space_of

SLATE = 3


@pytest.fixture(scope="module")
def slates() -> Task:
    return Task.synthetic(60, 8, max_steps=20, slate=SLATE)


def space(task: Task) -> ItemSpace:
    return replace(space_of(task), slate=SLATE, slots=task.slots)


def learner(task: Task, **options: Any) -> SlateQ:
    agent = SlateQAgent(**{"num_envs": 8, "hidden": (16,), "buffer_steps": 4000, **options})
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task, stagger=True)), space(task), 0, "cpu")


def test_the_value_of_a_slate_by_hand() -> None:
    values = Values(torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 3.0]]), torch.tensor([[2.0]]))
    assert values.total.item() == pytest.approx((2 + 1 * 4 + 2 * 3) / (1 + 1 + 2))


def test_an_item_that_attracts_but_leads_nowhere_is_left_out() -> None:
    attraction, clicked = torch.tensor([[9.0, 1.0, 1.0]]), torch.tensor([[2.0, 5.0, 4.0]])
    values = Values(attraction, clicked, torch.tensor([[1.0]]))
    assert best_slates(values, 2).tolist() == [[1, 2]]  # (1 + 5 + 4) / 3, against (1 + 18 + 5) / 11 with the first


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), slate=st.integers(1, 4))
def test_no_slate_is_worth_more_than_the_best(seed: int, slate: int) -> None:
    rng = np.random.default_rng(seed)
    attraction, clicked, nothing = np.exp(rng.normal(0, 2, 8)), rng.normal(3, 1, 8), rng.normal(3, 1)
    values = Values(*(torch.tensor(np.atleast_2d(part)) for part in (attraction, clicked, nothing)))
    totals = [values.of(torch.tensor([list(some)])).total.item() for some in combinations(range(8), slate)]
    assert values.of(best_slates(values, slate)).total.item() == pytest.approx(max(totals), rel=1e-6)


def test_places_get_what_may_stand_there() -> None:
    fits = torch.tensor([[True, True, False], [False, True, True]])
    assert first(torch.tensor([[1.0, 3.0, 2.0]]), 2, fits).tolist() == [[1, 2]]
    assert first(torch.tensor([[4.0, 3.0, 2.0]]), 2, fits).tolist() == [[0, 1]]


def test_the_chances_of_one_item_are_those_of_a_click() -> None:
    np.testing.assert_allclose(_chances(torch.tensor([[1.5]])), [[1 / (1 + np.exp(1.5)), 1 / (1 + np.exp(-1.5))]], 1e-6)


def test_several_clicks_share_the_outcome() -> None:
    clicks = torch.tensor([[0.0, 0, 0], [0, 1, 0], [1, 0, 1]])
    assert _outcomes(clicks).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0.5, 0, 0.5]]


def test_what_was_clicked_is_kept_with_the_slate(slates: Task) -> None:
    model, asked = learner(slates, learning_starts=10_000), []  # type: tuple[SlateQ, list[Any]]
    env = model.get_env()
    assert isinstance(env, GymnasiumVecEnv)
    stepped = env.env.step

    def step(actions: Ints) -> Any:
        result = stepped(actions)
        asked.append((actions.copy(), env.env.clicks.copy()))  # type: ignore[attr-defined]
        return result

    env.env.step = step  # type: ignore[method-assign]
    model.learn(80)
    for row, (actions, clicks) in enumerate(asked):
        np.testing.assert_array_equal(model.replay_buffer.actions[row], actions)
        np.testing.assert_array_equal(model.replay_buffer.answers[row], clicks)
    assert model.replay_buffer.answers.sum() > 0


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_slates_name_no_item_twice_and_keep_to_their_slots(slates: Task, rate: float) -> None:
    slots = np.ones((SLATE, 60), bool)
    slots[0, 30:], slots[2, :30] = False, False  # films first, ads last
    model = learner(replace(slates, slots=slots))
    model.exploration_rate = rate
    observations = model.env.reset() if model.env else None
    assert isinstance(observations, np.ndarray)
    for said in (model._explore(observations)[0], model.predict(observations)[0]):
        assert all(len(set(slate)) == SLATE for slate in said.tolist())
        assert slots[np.arange(SLATE), said].all()


@pytest.mark.parametrize("choice", [Cascade(SLATE, scale=10, offset=0.55), PositionBias(SLATE, scale=10, offset=0.55)])
def test_other_models_of_choice_train_too(slates: Task, choice: Any) -> None:
    model = learner(
        replace(slates, simulator=replace(slates.simulator, choice=choice)), learning_starts=64, batch_size=32
    )
    before = nn.utils.parameters_to_vector(model.q_net.parameters()).detach().clone()
    model.learn(160)
    after = nn.utils.parameters_to_vector(model.q_net.parameters()).detach()
    assert not torch.equal(before, after)


def test_one_item_at_once_is_for_dqn(slates: Task) -> None:
    with pytest.raises(ValueError, match="agent=dqn"):
        SlateQAgent(num_envs=2).learner(
            GymnasiumVecEnv(RecommendVectorEnv(2, slates)), replace(space(slates), slate=1), 0, "cpu"
        )


@pytest.mark.parametrize("name", ["shortlist", "explore_best"])
def test_a_slate_must_fit_into_what_it_is_chosen_from(slates: Task, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 2, for slates of 3"):
        learner(slates, **{name: 2})


def parameters(model: SlateQ) -> Tensor:
    return nn.utils.parameters_to_vector(model.q_net.parameters()).detach()


def test_the_same_seed_learns_the_same_weights(slates: Task) -> None:
    one, other = (learner(slates, learning_starts=64, batch_size=32) for _ in range(2))
    for model in (one, other):
        model.set_random_seed(3)
        model.learn(160)
    assert torch.equal(parameters(one), parameters(other))


@pytest.mark.parametrize("action", ["item", "candidates"])
def test_no_item_is_shown_again_where_none_may_be(action: str) -> None:
    task = Task.synthetic(160, 8, max_steps=8, slate=SLATE, action=action, repeats=False)
    agent = SlateQAgent(num_envs=8, hidden=(16,), learning_starts=32, batch_size=16, buffer_steps=4000)
    env = RecommendVectorEnv(8, task)
    model = agent.learner(GymnasiumVecEnv(env), item_space(task), 0, "cpu").learn(160)  # the environment would refuse
    observation, _ = env.reset(seed=0)
    shown: list[set[int]] = [set() for _ in range(8)]
    for _ in range(4):
        slates = task.actions.items(model.predict(observation, deterministic=True)[0], observation)
        for before, slate in zip(shown, slates.tolist(), strict=True):
            assert not before & set(slate)
            before |= set(slate)
        observation, *_ = env.step(model.predict(observation, deterministic=True)[0])
