"""Steps a second of training, as a share of what the learner reaches when the environment costs nothing."""

from collections.abc import Callable
from typing import Any

import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from benchmarks.measure import in_turn, ratio, typical
from benchmarks.nothing import Nothing
from benchmarks.scope import Scope
from recloop.agents.dqn import DQNAgent
from recloop.agents.ppo import PPOAgent
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from recloop.experiments.setting import item_space

STEPS = {"PPO": 4_096, "DQN": 3_840}
"""Timed at a time: two rollouts of PPO, sixty updates of DQN, a second or two."""


def measure(scope: Scope) -> list[dict[str, Any]]:
    """Of PPO and DQN with their default hyperparameters."""
    torch.set_num_threads(1)
    return [_ceilings(agent, scope.task, scope.repeats, scope.scale) for agent in (PPOAgent(), DQNAgent())]


def _ceilings(agent: PPOAgent | DQNAgent, task: Task, repeats: int, steps: float) -> dict[str, Any]:
    """Training of one agent in the real environment, and as a share of two ceilings; `steps` scales how long.

    Both ceilings are reached in an environment that does nothing: by the same learner, and by stable-baselines3's own
    class with the same network, shapes and hyperparameters.
    """
    models = {"real": learner(agent, task), "same_learner": idle_learner(agent, task)}
    if type(models["real"]) not in (DQN, PPO):
        models["stock"] = stock(idle_learner(agent, task))
    paces = in_turn({name: _learning(model, steps) for name, model in models.items()}, repeats)
    paces.setdefault("stock", paces["same_learner"])
    row = {name: typical(paces[name])._asdict() for name in ("real", "same_learner", "stock")}
    shares = {f"of_{name}": ratio(paces["real"], paces[name])._asdict() for name in ("same_learner", "stock")}
    return {"name": agent.name, **shares, **row}


def learner(agent: PPOAgent | DQNAgent, task: Task) -> PPO | DQN:
    """The agent in the real environment, as `recloop train` puts it together."""
    env = GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task, stagger=True))
    return agent.learner(env, item_space(task), 0, "cpu")


def idle_learner(agent: PPOAgent | DQNAgent, task: Task) -> PPO | DQN:
    """The agent in an environment of the same shapes that does nothing."""
    env = RecommendVectorEnv(agent.num_envs, task)
    observations, _ = env.reset(seed=0)
    idle = Nothing(observations, env.single_observation_space, env.single_action_space)
    return agent.learner(idle, item_space(task), 0, "cpu")


def stock(model: PPO | DQN) -> PPO | DQN:
    """The model with stable-baselines3's own methods instead of what our subclass overrides."""
    own: Any = DQN if isinstance(model, DQN) else PPO
    model.__class__ = own
    return model


def _learning(model: BaseAlgorithm, scale: float) -> Callable[[], int]:
    """Go on learning at every call."""
    start(model)
    return lambda: learn(model, steps_of(model, scale))


def start(model: BaseAlgorithm) -> None:
    """Leave behind what happens only once, and DQN's first steps, which are without updates."""
    learn(model, model.learning_starts if isinstance(model, DQN) else 1)


def steps_of(model: BaseAlgorithm, scale: float) -> int:
    """How many steps of training are timed at once."""
    return round(STEPS["DQN" if isinstance(model, DQN) else "PPO"] * scale)


def learn(model: BaseAlgorithm, steps: int) -> int:
    """Go on learning for at least so many steps; how many it were."""
    before = model.num_timesteps
    model.learn(steps, reset_num_timesteps=False, log_interval=None)  # type: ignore[arg-type]
    return model.num_timesteps - before
