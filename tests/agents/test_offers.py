"""Candidates and what was shown: read off the observation, scored, masked; and agents that never repeat themselves."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from recloop.agents.baselines import Greedy, Popularity, Random
from recloop.agents.dqn import BatchedDQN, DQNAgent
from recloop.agents.features import SessionFeatures
from recloop.agents.networks import ItemHead
from recloop.agents.offers import MASKED, Offers
from recloop.agents.policy import Floats, Ints, ItemSpace, Policy
from recloop.agents.ppo import PPOAgent
from recloop.agents.stochastic import EpsilonGreedy, Sampled
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.actions import Actions, Candidates, Items
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv, spaces_of

LAYOUT = {"state": slice(0, 2), "exposure": slice(2, 4), "shown": slice(4, 6), "candidates": slice(6, 8)}
ONCE = Items(repeats=False)
FEW = Candidates(False, retrieved=4, drawn=3)


def space(*blocks: str, num_items: int = 4) -> ItemSpace:
    vectors, ones = np.eye(num_items, 2, dtype=np.float32), np.ones(num_items, np.float32)
    return ItemSpace(vectors, ones, ones, {name: LAYOUT[name] for name in ("state", "exposure", *blocks)})


def space_of(task: Task) -> ItemSpace:
    items, stock = task.observation.items, task.actions.stock
    return ItemSpace(items.vectors, items.quality, items.popularity, task.layout, stock.slate)


def served(actions: Actions, slate: int = 1) -> Task:
    return replace(Task.synthetic(30, 4, max_steps=8, slate=slate), actions=actions)


def test_what_was_shown_is_masked_and_nothing_else() -> None:
    seen = torch.tensor([[0, 0, 0, 0, -1, -1.0], [0, 0, 0, 0, -1, 3], [0, 0, 0, 0, 3, 0]])
    values = Offers(space("shown")).open(torch.ones(3, 4), seen)
    assert values.tolist() == [[1, 1, 1, 1], [1, 1, 1, MASKED], [MASKED, 1, 1, MASKED]]


def test_positions_are_read_as_the_candidates_there() -> None:
    seen = torch.tensor([[0, 0, 0, 0, -1, -1, 3, 1.0], [0, 0, 0, 0, -1, -1, 0, 2]])
    offers = Offers(space("shown", "candidates"))
    assert offers.items(seen, torch.tensor([0, 1])).tolist() == [3, 2]
    assert offers.items(seen, torch.tensor([[1, 0], [1, 1]])).tolist() == [[1, 3], [2, 2]]
    assert offers.open(torch.ones(2, 2), seen).tolist() == [[1, 1], [1, 1]]


def test_actions_are_counted_and_those_that_are_always_open() -> None:
    assert (space().num_actions, space().always_open, space().repeats) == (4, 4, True)
    assert (space("shown").num_actions, space("shown").always_open, space("shown").repeats) == (4, 2, False)
    both = space("shown", "candidates")
    assert (both.num_actions, both.always_open) == (2, 2)


def test_candidates_are_worth_what_they_are_among_all_items() -> None:
    torch.manual_seed(0)
    task = Task.synthetic(30, 4)
    head = ItemHead(space_of(task), 11, [16], (25.0, 10.0, 1.0), extra=2)
    head.queries[-1].reset_parameters()  # type: ignore[operator]
    seen, candidates = torch.randn(20, 11), torch.randint(30, (20, 6))
    values, extra = head.among(seen, candidates)
    of_all, same = head(seen)
    torch.testing.assert_close(values, of_all.gather(1, candidates))
    torch.testing.assert_close(extra, same)


def test_item_numbers_are_not_read_as_numbers() -> None:
    task = served(FEW)
    extractor = SessionFeatures(spaces_of(task)[0], task.layout)
    seen = torch.randn(3, 11 + 8 + 7)
    assert extractor(seen).shape == (3, extractor.features_dim) == (3, 11 + 4)
    for agent in (PPOAgent(num_envs=2, batch_size=64), DQNAgent(num_envs=2)):
        model = agent.learner(GymnasiumVecEnv(RecommendVectorEnv(2, task)), space_of(task), 0, "cpu")
        one = torch.as_tensor(task.read(task.arrive(task.simulator.draw(5, np.random.default_rng(0)))))
        other = one.clone()
        other[:, task.layout["shown"]] = torch.arange(8.0)  # candidates stay, so that nothing may change
        read = model.q_net if isinstance(model, BatchedDQN) else model.policy.predict_values
        torch.testing.assert_close(read(one), read(other), rtol=0, atol=0)
        sizes = [len(values) for values in model.policy.state_dict().values() if values.ndim]
        assert not {30, 7} & set(sizes), "a weight knows how many items or candidates there are"


def repeated(task: Task, policy: Policy, seed: int = 1) -> int:
    """How many items are shown again, in 40 whole sessions of a policy that says actions."""
    session = task.arrive(task.simulator.draw(40, np.random.default_rng(seed)))
    shown, noise = [], np.random.default_rng(seed)
    for step in range(task.simulator.sessions.max_steps):
        observed = task.read(session)
        items, _ = policy.predict(observed, episode_start=np.full(40, step == 0), deterministic=True)
        if "candidates" in task.layout:
            items = task.actions.items(items, observed)
        shown.append(items.reshape(40, -1))
        session = task.step(session, items, noise.random(items.shape, np.float32))[0]
    everything = np.sort(np.concatenate(shown, axis=1), axis=1)
    return int((everything[:, 1:] == everything[:, :-1]).sum())


@pytest.mark.parametrize("slate", [1, 2])
@pytest.mark.parametrize("actions", [ONCE, FEW])
def test_ppo_never_repeats_itself(actions: Actions, slate: int) -> None:
    task = served(actions, slate)
    env = GymnasiumVecEnv(RecommendVectorEnv(8, task))
    agent = PPOAgent(num_envs=8, rollout_steps=8, batch_size=32, entropy_weight=0.01)
    model = agent.learner(env, space_of(task), 0, "cpu")
    assert repeated(task, model) == 0
    model.learn(300)
    assert repeated(task, model) == 0
    assert all(torch.isfinite(values).all() for values in model.policy.parameters())


@pytest.mark.parametrize("actions", [ONCE, FEW])
def test_dqn_never_repeats_itself_not_even_to_explore(actions: Actions) -> None:
    task = served(actions)
    env = GymnasiumVecEnv(RecommendVectorEnv(8, task))
    agent = DQNAgent(num_envs=8, learning_starts=40, batch_size=32, explore_best=30, exploration=(1.0, 1.0))
    model = agent.learner(env, space_of(task), 0, "cpu")
    model.learn(400)
    assert repeated(task, model) == 0
    explored = Exploring(model)
    assert repeated(task, explored) == 0


class Exploring:
    """DQN as it explores."""

    def __init__(self, model: BatchedDQN) -> None:
        self.model = model

    def predict(
        self, observation: Floats, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Ints, Any]:
        return self.model._explore(observation)[0], None


@pytest.mark.parametrize("slate", [1, 2])
def test_baselines_never_repeat_themselves(slate: int) -> None:
    task = served(ONCE, slate)
    items = space_of(task)
    random = Random(30, 0, slate, shown=items.layout["shown"])
    for policy in (random, Popularity(items, slate), Greedy(items, slate=slate)):
        assert repeated(task, policy) == 0


def test_the_most_popular_is_shown_that_was_not_shown_by_chance_before() -> None:
    task = served(ONCE)
    popular = Popularity(space_of(task))
    seen = task.read(task.arrive(task.simulator.draw(1, np.random.default_rng(0))))
    seen[:, task.layout["shown"]][:, -1] = popular.order[0]
    assert popular.predict(seen)[0].tolist() == [popular.order[1]]


def test_what_explores_with_epsilon_never_repeats_and_says_how_likely_it_was() -> None:
    task = served(ONCE)
    items = space_of(task)
    explorer = EpsilonGreedy(Greedy(items), 30, 0.5, items.layout["shown"])
    assert repeated(task, Sampled(explorer, 0)) == 0
    seen = task.read(task.arrive(task.simulator.draw(1, np.random.default_rng(0))))
    seen[:, task.layout["shown"]] = np.arange(8)
    likely, _ = explorer.probabilities(seen)
    assert likely.sum() == pytest.approx(1)
    assert np.unique(likely.round(9)).tolist() == pytest.approx([0, 0.5 / 22, 0.5 + 0.5 / 22])


@pytest.mark.parametrize("agent", [DQNAgent(head="mlp"), PPOAgent(head="mlp")])
@pytest.mark.parametrize(("actions", "words"), [(ONCE, "what has been shown"), (FEW, "candidates")])
def test_the_plain_head_is_for_items_that_may_be_repeated(
    agent: DQNAgent | PPOAgent, actions: Actions, words: str
) -> None:
    task = served(actions)
    says = "candidates" if actions is FEW else "item"
    with pytest.raises(ValueError, match=f"head is 'mlp', which knows nothing of {words}; choose head=item"):
        agent.learner(GymnasiumVecEnv(RecommendVectorEnv(2, task)), replace(space_of(task), says=says), 0, "cpu")


@pytest.mark.parametrize("agent", [DQNAgent(), PPOAgent()])
def test_agents_that_choose_an_item_cannot_say_a_vector(agent: DQNAgent | PPOAgent) -> None:
    with pytest.raises(ValueError, match="cannot play env/action=proto; choose item or candidates, or another agent"):
        agent.check_says("proto", repeats=True)
