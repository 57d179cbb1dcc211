"""States that learn from the session."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from recloop.agents.attentive_state import SPREAD
from recloop.agents.dqn import DQNAgent
from recloop.agents.features import learned_state
from recloop.agents.learned_state import LearnedState
from recloop.agents.networks import LOG_SPEED, SHIFT
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.ppo import PPOAgent
from recloop.agents.qr_dqn import QRDQNAgent
from recloop.agents.recurrent_state import STEP
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.observations import Pooled
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

SCALES = (3.0, 2.0, 1.0)
STATES = ("recurrent", "attention")
LAYOUT = {
    "state": slice(0, 2), "exposure": slice(2, 4), "situation": slice(4, 7), "recent": slice(7, 10),
    "answers": slice(10, 13),
}  # fmt: skip
PLANE = ItemSpace(np.eye(2, dtype=np.float32), np.array([0, 0.5], np.float32), np.ones(2, np.float32), LAYOUT)
PPO: dict[str, Any] = {"num_envs": 8, "rollout_steps": 8, "batch_size": 32, "epochs": 1, "hidden": (16,)}
DQN: dict[str, Any] = {"num_envs": 8, "learning_starts": 8, "batch_size": 16, "replay_ratio": 2.0, "hidden": (16,)}
AGENTS: dict[str, Callable[[Any], Any]] = {
    "PPO": lambda state: PPOAgent(**PPO, state=state),
    "DQN": lambda state: DQNAgent(**DQN, state=state),
    "QR-DQN": lambda state: QRDQNAgent(**DQN, state=state),
}


def state_of(name: str, items: ItemSpace = PLANE) -> LearnedState:
    torch.manual_seed(0)
    size = max(block.stop for block in items.layout.values())
    return learned_state(spaces.Box(-np.inf, np.inf, (size,)), name, items, SCALES)


def observed(*recent: int, answers: tuple[int, ...] = (0, 0, 0)) -> Tensor:
    return torch.tensor([[0.6, 0.8, 0, 0, 0, 0, 0, *recent, *answers]], dtype=torch.float32)


def served(recent: int = 4) -> Task:
    task = Task.synthetic(30, 4, max_steps=8)
    people = task.simulator.population.tastes
    return replace(task, observation=Pooled(task.observation.items, people, 8, recent=recent))


def space_of(task: Task) -> ItemSpace:
    items = task.observation.items
    return ItemSpace(items.vectors, items.quality, items.popularity, task.layout)


def chance(score: float) -> float:
    return 1 / (1 + float(np.exp(-score)))


@pytest.mark.parametrize("name", STATES)
def test_before_the_first_answer_the_state_is_what_was_observed(name: str) -> None:
    seen = observed(-1, -1, -1)
    torch.testing.assert_close(state_of(name)(seen), seen)


def test_a_recurrent_step_by_hand() -> None:
    seen = observed(-1, -1, 1, answers=(0, 0, 1))
    moved = STEP * (1 - chance(3 * 0.8 + 0.5 - SHIFT))
    torch.testing.assert_close(state_of("recurrent")(seen)[:, :2], torch.tensor([[0.6, 0.8 + moved]]))


def test_an_attentive_state_is_the_most_probable_one() -> None:
    """Its gradient is 0: (state - prior) / spread^2 = sum of alpha (y - p) e."""
    seen, state = observed(0, 1, 1, answers=(1, 0, 1)), state_of("attention")
    found = state(seen)[0, :2].numpy()
    gain = 3.0 * (1 - 0.5 ** (1 / 5))  # of exposure to an item, in one step
    liked = 3 * np.array([found[0], found[1], found[1]])
    scores = liked - 2 * np.array([0, 0, gain]) + np.array([0, 0.5, 0.5]) - SHIFT
    surprise = np.array([1, 0, 1]) - 1 / (1 + np.exp(-scores))
    pull = 3 * np.array([surprise[0], surprise[1] + surprise[2]])
    np.testing.assert_allclose((found - [0.6, 0.8]) / SPREAD**2, pull, rtol=1e-4)


@pytest.mark.parametrize("name", STATES)
def test_a_click_draws_the_state_to_the_item_and_a_skip_away(name: str) -> None:
    state = state_of(name)
    clicked, skipped = (state(observed(-1, -1, 1, answers=(0, 0, answer)))[0, 1] for answer in (1, 0))
    assert clicked > 0.8 > skipped


@pytest.mark.parametrize("name", STATES)
def test_only_the_state_block_changes_and_rows_do_not_mix(name: str) -> None:
    seen = torch.cat([observed(0, 1, 0, answers=(1, 1, 0)), observed(-1, -1, 1, answers=(0, 0, 1))])
    together = state_of(name)(seen)
    torch.testing.assert_close(together[:, 2:], seen[:, 2:])
    for row in range(2):
        torch.testing.assert_close(state_of(name)(seen[row : row + 1]), together[row : row + 1])


@pytest.mark.parametrize("name", STATES)
def test_the_weights_do_not_know_the_catalog(name: str) -> None:
    more = ItemSpace(np.eye(2, dtype=np.float32)[[0, 1, 1]], np.zeros(3, np.float32), np.ones(3, np.float32), LAYOUT)
    state_of(name, more).load_state_dict(state_of(name).state_dict())


@pytest.mark.parametrize("name", STATES)
def test_answers_teach_how_far_the_observed_state_can_be_trusted(name: str) -> None:
    """People who never click what should please them: the trust falls, and so does the surprise."""
    state, seen = state_of(name), observed(-1, -1, -1).repeat(16, 1)
    optimizer = torch.optim.Adam(state.parameters(), lr=3e-3)
    items, never = torch.ones(16, dtype=torch.long), torch.zeros(16)
    losses = []
    for _ in range(30):
        loss = state.surprise(seen, items, never)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert float(state.log_trust.detach() * LOG_SPEED) < -0.3


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("agent", AGENTS)
def test_training_moves_the_state_by_answers_and_leaves_it_out_of_the_policys_gradient(agent: str, name: str) -> None:
    task = served()
    env = GymnasiumVecEnv(RecommendVectorEnv(8, task))
    model = AGENTS[agent](name).learner(env, space_of(task), 0, "cpu")
    before = {key: value.clone() for key, value in model.policy.state_dict().items()}
    model.learn(128)
    after = model.policy.state_dict()
    moved = [key for key in after if "log_trust" in key and not torch.equal(after[key], before[key])]
    assert moved
    observations: Floats = env.reset()
    assert not model.policy.state_dict()[moved[0]].requires_grad
    assert model.predict(observations, deterministic=True)[0].shape == (8,)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_learned_state_needs_to_be_told_what_was_shown(agent: str) -> None:
    task = Task.synthetic(30, 4, max_steps=8)
    with pytest.raises(ValueError, match=r"no 'recent' block .* env/observation=session"):
        AGENTS[agent]("attention").learner(GymnasiumVecEnv(RecommendVectorEnv(8, task)), space_of(task), 0, "cpu")


@pytest.mark.parametrize("make", [PPOAgent, DQNAgent])
def test_a_plain_head_reads_neither_learned_states_nor_item_numbers(make: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="state is 'recurrent', which takes the item head"):
        make(head="mlp", state="recurrent")
    task = served()
    with pytest.raises(ValueError, match="item numbers as values; choose env/observation=pooled"):
        make(head="mlp", num_envs=8).learner(GymnasiumVecEnv(RecommendVectorEnv(8, task)), space_of(task), 0, "cpu")
