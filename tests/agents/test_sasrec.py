"""The supervised model of clicks: what it may look at, what it remembers, what it is fitted to."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recloop.agents.attention import sees
from recloop.agents.baselines import Greedy
from recloop.agents.lin_ucb import LinUCBAgent
from recloop.agents.online import OnlineLearner
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.sasrec import SASRecAgent, SASRecPolicy
from recloop.agents.thompson import ThompsonAgent
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.actions import Actions, Candidates, Items
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from tests.agents.conftest import space_of

AGENT = SASRecAgent(4, rollout_steps=8, width=8, length=6, batch_size=8)
ANSWER = 17
"""Of the observations of the small task: 8 of the state, 8 of the exposure, then the situation."""


def learner(agent: SASRecAgent, task: Task, items: ItemSpace) -> OnlineLearner:
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task)), items, seed=0, device="cpu")


@pytest.fixture
def policy(task: Task, items: ItemSpace) -> SASRecPolicy:
    """As it is made, but for the attention to distances, which begins at nothing."""
    made = learner(AGENT, task, items).policy
    assert isinstance(made, SASRecPolicy)
    torch.nn.init.normal_(made.encoder.distances)
    torch.nn.init.normal_(made.query[-1].weight)  # type: ignore[arg-type]
    made.set_training_mode(False)
    return made


def test_a_step_looks_at_its_session_so_far_and_at_what_is_known_of_it() -> None:
    expected = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert sees(torch.tensor([[-1, 7, 7, -1, -1]]))[0].int().tolist() == expected
    assert sees(torch.tensor([[-1, 7, 8]]))[0].int().tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("step", range(1, 6))
def test_a_later_step_never_changes_what_was_known_before(policy: SASRecPolicy, step: int, seed: int) -> None:
    torch.manual_seed(seed)
    before, answers = torch.randint(-1, 59, (20, 6)), torch.rand(20, 6)
    other, others = before.clone(), answers.clone()
    other[:, step], others[:, step] = before[:, step] + 1, 1 - answers[:, step]
    known, changed = policy.known(before, answers), policy.known(other, others)
    torch.testing.assert_close(known[:, :step], changed[:, :step], rtol=0, atol=0)
    assert (known[:, step] != changed[:, step]).any(dim=1).all()


def test_another_session_is_not_known_of(policy: SASRecPolicy) -> None:
    answers = torch.rand(1, 6)
    known = policy.known(torch.tensor([[3, 4, -1, 5, 6, 7]]), answers)
    other = policy.known(torch.tensor([[8, 9, -1, 5, 6, 7]]), answers)
    torch.testing.assert_close(known[:, 2:], other[:, 2:], rtol=0, atol=0)
    assert not torch.equal(known[:, :2], other[:, :2])


def test_step_by_step_it_knows_what_it_knows_of_the_whole_session(policy: SASRecPolicy, observations: Floats) -> None:
    memory, recommended = None, [np.full(50, -1)]
    answers = (np.random.default_rng(1).random((50, 6)) < 0.5).astype(np.float32)
    for step in range(6):
        observations[:, ANSWER] = answers[:, step]
        actions, memory = policy.predict(observations, memory, np.full(50, step == 0), deterministic=True)
        before = torch.as_tensor(np.stack(recommended, axis=1))
        known = policy.known(before, torch.as_tensor(answers[:, : step + 1]))[:, -1]
        logits = policy.logits(torch.as_tensor(observations), known, None)
        assert np.array_equal(actions, logits.argmax(dim=1))
        recommended.append(actions)
    assert memory is not None
    assert np.array_equal(memory.items, np.stack(recommended[1:], axis=1))
    assert np.array_equal(memory.answers[:, :5], answers[:, 1:])


def test_a_session_that_starts_forgets_the_one_before(policy: SASRecPolicy, observations: Floats) -> None:
    starts = np.arange(50) < 25
    _, memory = policy.predict(observations, None, None, deterministic=True)
    _, memory = policy.predict(observations, memory, starts, deterministic=True)
    assert (memory.items[:25, :5] == -1).all()
    assert (memory.items[25:, 4] >= 0).all()


def test_candidates_are_remembered_as_the_items_they_are(task: Task, items: ItemSpace, observations: Floats) -> None:
    size = observations.shape[1]
    offering = replace(items, layout={**items.layout, "candidates": slice(size, size + 3)})
    offered = np.tile([40, 20, 30], (50, 1))
    policy = learner(AGENT, task, offering).policy
    actions, memory = policy.predict(np.concatenate([observations, offered.astype(np.float32)], axis=1))
    assert actions.max() <= 2
    assert memory is not None
    assert np.array_equal(memory[0][:, -1], offered[np.arange(50), actions])


def test_windows_are_steps_of_the_buffer_with_what_was_before(task: Task, items: ItemSpace) -> None:
    model = learner(replace(AGENT, buffer_steps=4 * 30), task, items).learn(4 * 48)  # the ring goes round
    replay, policy = model.replay_buffer, model.policy
    assert replay.full
    assert isinstance(policy, SASRecPolicy)
    windows = policy._windows(replay)
    assert windows.items.shape == (8, 6)
    for before, items_, observation, reward in zip(*(part.numpy() for part in (
        windows.before, windows.items, windows.observation, windows.reward
    )), strict=True):  # fmt: skip
        found = np.argwhere((replay.observations == observation[0]).all(axis=2))
        (step, user), steps = found[0], (found[0, 0] + np.arange(6)) % replay.buffer_size
        assert np.array_equal(replay.actions[steps, user, 0], items_)
        np.testing.assert_allclose(replay.rewards[steps, user], reward)
        ended = replay.dones[steps[:-1], user] > 0
        assert np.array_equal(before[1:], np.where(ended, -1, items_[:-1]))
        if step == replay.pos:  # the oldest that is kept
            assert before[0] == -1


def test_untrained_it_recommends_what_is_similar_and_not_boring(
    task: Task, items: ItemSpace, observations: Floats
) -> None:
    policy = learner(replace(AGENT, scales=(20.0, 10.0, 1.0)), task, items).policy
    greedy, _ = Greedy(items, boredom_weight=0.5, quality_weight=0.05).predict(observations)
    assert (policy.predict(observations, deterministic=True)[0] == greedy).mean() > 0.9


def test_it_refuses_to_guess_how_users_answer(task: Task, items: ItemSpace) -> None:
    with pytest.raises(ValueError, match=r"'situation' block has 2 values, and not 3.*env/observation=pooled"):
        learner(AGENT, task, replace(items, layout={**items.layout, "situation": slice(16, 18)}))


def test_heads_share_the_width() -> None:
    with pytest.raises(ValueError, match="width is 10, which 4 heads cannot share"):
        SASRecAgent(width=10, heads=4)


def test_slates_are_refused(task: Task, items: ItemSpace) -> None:
    with pytest.raises(ValueError, match="SASRec, greedy recommends one item at once, and not 2"):
        learner(AGENT, task, replace(items, slate=2))


@pytest.mark.parametrize("actions", [Items(repeats=False), Candidates(False, retrieved=4, drawn=3)])
@pytest.mark.parametrize("agent", [AGENT, LinUCBAgent(4), ThompsonAgent(4)], ids=lambda agent: agent.name)
def test_nothing_is_shown_twice_where_it_may_not_be(
    agent: SASRecAgent | LinUCBAgent | ThompsonAgent, actions: Actions
) -> None:
    task = replace(Task.synthetic(30, 4, max_steps=8), actions=actions)
    env = GymnasiumVecEnv(RecommendVectorEnv(4, task))
    model = agent.learner(env, space_of(task), 0, "cpu").learn(64)
    observation, shown = env.reset(), []
    memory, starts = None, np.ones(4, bool)
    for step in range(8):
        said, memory = model.predict(observation, memory, starts, deterministic=step % 2 == 0)
        shown.append(task.actions.items(said, observation))
        if "candidates" not in task.layout:
            assert np.array_equal(said, shown[-1]), "the platform had to show something else"
        observation, starts = env.step(said)[0], np.zeros(4, bool)  # type: ignore[assignment]
    assert all(len(set(session)) == 8 for session in np.stack(shown, axis=1).tolist())
