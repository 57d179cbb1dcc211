"""Q-learning against stable-baselines3's own DQN: 8 samples replayed for each step, 1,682 items."""

from collections.abc import Callable
from typing import Any

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm

from benchmarks.measure import in_turn, ratio, typical
from benchmarks.nothing import Nothing
from benchmarks.scope import Scope
from benchmarks.training import idle_learner, learn, start
from recloop.agents.dqn import DQNAgent
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

SHAPES = {
    "64 users, dim 64": (64, 64, "item"),
    "256 users, dim 64": (256, 64, "item"),
    "64 users, dim 64, stock's network": (64, 64, "mlp"),
    "64 users, dim 384, stock's network": (64, 384, "mlp"),
    "256 users, dim 384, stock's network": (256, 384, "mlp"),
    "64 users, dim 384": (64, 384, "item"),
}
"""Users served at once, dimensions of an item vector, and the head."""


def measure(scope: Scope) -> list[dict[str, Any]]:
    """Both in an environment that does nothing; a gradient step of 8 samples a user follows each step of the users."""
    torch.set_num_threads(1)
    return [_row(name, *shape, scope) for name, shape in SHAPES.items()]


def _row(name: str, users: int, dim: int, head: str, scope: Scope) -> dict[str, Any]:
    task = Task.synthetic(num_items=1682, dim=dim)
    agent = DQNAgent(num_envs=users, head=head, batch_size=8 * users, replay_ratio=8.0)  # type: ignore[arg-type]
    models = {"ours": idle_learner(agent, task), "stock": stock(agent, task)}
    paces = in_turn({which: _learning(model, users, scope) for which, model in models.items()}, scope.repeats)
    row = {which: typical(paces[which])._asdict() for which in models}
    return {"name": name, "factor": ratio(paces["ours"], paces["stock"])._asdict(), **row}


def stock(agent: DQNAgent, task: Task) -> DQN:
    """stable-baselines3's DQN with an output unit an item, in the same environment with the same hyperparameters."""
    env = RecommendVectorEnv(agent.num_envs, task)
    observations, _ = env.reset(seed=0)
    idle = Nothing(observations, env.single_observation_space, env.single_action_space)
    return DQN("MlpPolicy", idle, **settings(agent), seed=0, device="cpu")


def settings(agent: DQNAgent) -> dict[str, Any]:
    """The hyperparameters of stable-baselines3's DQN."""
    return {
        "policy_kwargs": {"net_arch": list(agent.hidden)},
        "buffer_size": agent.buffer_steps,
        "learning_starts": agent.learning_starts,
        "batch_size": agent.batch_size,
        "train_freq": 1,
        "gradient_steps": max(1, round(agent.num_envs * agent.replay_ratio / agent.batch_size)),
        "learning_rate": lambda remaining: agent.learning_rate * remaining,
        "gamma": agent.gamma,
        "n_steps": agent.n_steps,
        "target_update_interval": agent.target_update_steps,
        "exploration_initial_eps": agent.exploration[0],
        "exploration_final_eps": agent.exploration[1],
        "exploration_fraction": agent.exploration_share,
        "max_grad_norm": agent.max_grad_norm,
    }


def _learning(model: BaseAlgorithm, users: int, scope: Scope) -> Callable[[], int]:
    """Go on learning at every call, 20 steps of all users."""
    start(model)
    return lambda: learn(model, max(1, round(20 * scope.scale)) * users)
