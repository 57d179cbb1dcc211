"""What Q-learning reaches with and without the short list, and what stable-baselines3's own DQN reaches: clicks."""

import time
from dataclasses import replace
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN

from benchmarks.q_learning import settings
from benchmarks.scope import Scope
from recloop.agents.dqn import DQNAgent
from recloop.agents.policy import Policy
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from recloop.experiments.setting import item_space

STEPS, SEEDS, USERS = 16_000, 3, 512
OURS = DQNAgent(
    num_envs=32, batch_size=256, replay_ratio=8.0, learning_rate=3e-3, learning_starts=500, scales=(10.0, 0.1, 0.1)
)
AGENTS = {"DQN": OURS, "DQN, all items at each update": replace(OURS, shortlist=0), "stable-baselines3's DQN": None}


def measure(scope: Scope) -> list[dict[str, Any]]:
    """Of 400 items, after 16,000 steps, with three seeds: expected clicks a session of users never met."""
    torch.set_num_threads(1)
    task = Task.synthetic(num_items=400, dim=16)
    return [_row(name, agent, task, scope) for name, agent in AGENTS.items()]


def _row(name: str, agent: DQNAgent | None, task: Task, scope: Scope) -> dict[str, Any]:
    seeds, steps = (1 if scope.quick else SEEDS), round(STEPS * scope.scale)
    began = time.process_time()
    reached = [_clicks(_learner(agent, task, seed).learn(steps), task) for seed in range(seeds)]
    spread = stdev(reached) if seeds > 1 else None
    return {"name": name, "clicks": mean(reached), "spread": spread, "seconds": (time.process_time() - began) / seeds}


def _learner(agent: DQNAgent | None, task: Task, seed: int) -> DQN:
    env = GymnasiumVecEnv(RecommendVectorEnv(OURS.num_envs, task, stagger=True))
    if agent is None:
        return DQN("MlpPolicy", env, **settings(OURS), seed=seed, device="cpu")
    return agent.learner(env, item_space(task), seed, "cpu")


def _clicks(policy: Policy, task: Task) -> float:
    """Expected clicks in the first session of each of the same users."""
    env = RecommendVectorEnv(USERS, task)
    observations, _ = env.reset(seed=99)
    total, going = np.zeros(USERS), np.ones(USERS, bool)
    for _ in range(task.simulator.sessions.max_steps):
        actions, _ = policy.predict(observations, deterministic=True)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        total += rewards * going
        going &= ~(terminated | truncated)
    return float(total.mean())
