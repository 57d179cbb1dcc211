"""Learning pays: on a task with boredom, trained agents beat similarity-greedy, which is where they begin."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recloop.agents.baselines import Greedy
from recloop.agents.dqn import DQNAgent
from recloop.agents.lin_ucb import LinUCBAgent
from recloop.agents.policy import ItemSpace, Policy
from recloop.agents.ppo import PPOAgent
from recloop.agents.qr_dqn import QRDQNAgent
from recloop.agents.sasrec import SASRecAgent
from recloop.agents.slate_q import SlateQAgent
from recloop.agents.thompson import ThompsonAgent
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from tests.agents.conftest import space_of

SIMILAR = (10.0, 0.1, 0.1)  # an untrained agent hardly minds boredom
PPO = PPOAgent(num_envs=32, batch_size=256, hidden=(64,), learning_rate=3e-3, scales=SIMILAR)
DQN = DQNAgent(
    num_envs=32,
    hidden=(64,),
    learning_starts=500,
    batch_size=128,
    replay_ratio=8.0,
    learning_rate=3e-3,
    scales=SIMILAR,
)
SASREC = SASRecAgent(32, 8, width=16, blocks=1, length=10, batch_size=32, learning_rate=1e-2, scales=SIMILAR)
QR_DQN = QRDQNAgent(**vars(DQN))
SLATE_Q = SlateQAgent(**{**vars(DQN), "shortlist": 32})
CONTENDERS = [
    (PPO, 30_000),
    (DQN, 12_000),
    pytest.param(QR_DQN, 12_000, marks=pytest.mark.slow),
    (LinUCBAgent(32), 3_000),
    (ThompsonAgent(32), 3_000),
    (SASREC, 6_000),
]
Agent = PPOAgent | DQNAgent | LinUCBAgent | ThompsonAgent | SASRecAgent


def expected_clicks(policy: Policy, task: Task, users: int = 256) -> float:
    """Sum of rewards over the first session of each of the same users."""
    env = RecommendVectorEnv(users, task)
    observations, _ = env.reset(seed=99)
    total, going = np.zeros(users), np.ones(users, bool)
    for _ in range(task.simulator.sessions.max_steps):
        actions, _ = policy.predict(observations, deterministic=True)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        total += rewards * going
        going &= ~(terminated | truncated)
    return float(total.mean())


@pytest.mark.parametrize(("agent", "steps"), CONTENDERS, ids=lambda value: getattr(value, "name", None))
def test_a_trained_agent_clearly_beats_similarity_greedy(
    task: Task, items: ItemSpace, agent: Agent, steps: int
) -> None:
    torch.set_num_threads(1)
    env = RecommendVectorEnv(agent.num_envs, task, stagger=True)
    model = agent.learner(GymnasiumVecEnv(env), items, seed=0, device="cpu")
    greedy, untrained = expected_clicks(Greedy(items), task), expected_clicks(model, task)
    trained = expected_clicks(model.learn(steps), task)
    assert trained > 1.25 * max(greedy, untrained), (greedy, untrained, trained)


def test_slates_of_slate_q_clearly_beat_similarity_greedy() -> None:
    torch.set_num_threads(1)
    task = Task.synthetic(60, 8, max_steps=20, slate=3)
    items = replace(space_of(task), slate=3)
    env = RecommendVectorEnv(SLATE_Q.num_envs, task, stagger=True)
    model = SLATE_Q.learner(GymnasiumVecEnv(env), items, seed=0, device="cpu")
    greedy, untrained = expected_clicks(Greedy(items, slate=3), task), expected_clicks(model, task)
    trained = expected_clicks(model.learn(8_000), task)
    assert trained > 1.5 * max(greedy, untrained), (greedy, untrained, trained)
