"""NaN and infinity in rewards, observations and losses: named in the step in which they arise."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from recloop.agents.dqn import DQNAgent
from recloop.agents.finite import refuse_loss, refuse_not_finite
from recloop.agents.policy import ItemSpace
from recloop.agents.ppo import PPOAgent
from recloop.agents.sasrec import SASRecAgent
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

NUM_ENVS = 4
PPO = PPOAgent(NUM_ENVS, rollout_steps=8, batch_size=16, epochs=2, hidden=(8,))
DQN = DQNAgent(NUM_ENVS, learning_starts=8, batch_size=8, replay_ratio=2.0, buffer_steps=400, hidden=(8,))
MLP = (PPOAgent(**{**vars(PPO), "head": "mlp"}), DQNAgent(**{**vars(DQN), "head": "mlp"}))
SASREC = SASRecAgent(NUM_ENVS, rollout_steps=8, width=8, batch_size=8, replay_ratio=2.0)
Agent = PPOAgent | DQNAgent | SASRecAgent
AGENTS = pytest.mark.parametrize("agent", [PPO, DQN, SASREC, *MLP], ids=["PPO", "DQN", "SASRec", "PPO mlp", "DQN mlp"])
LEARNERS = pytest.mark.parametrize("agent", [PPO, DQN, SASREC], ids=["PPO", "DQN", "SASRec"])


class Fault(NamedTuple):
    """What goes wrong of a batch, when, and for whom."""

    place: str
    step: int
    value: float
    user: int = 2


class Faulty(RecommendVectorEnv):
    """An environment in which one number of one step is none."""

    def __init__(self, task: Task, fault: Fault) -> None:
        super().__init__(NUM_ENVS, task)
        self.fault, self.steps = fault, 0

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = super().reset(**kwargs)
        if self.fault.step == 0:
            observation[self.fault.user, 5] = self.fault.value
        return observation, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(actions)
        self.steps += 1
        if self.steps == self.fault.step:
            if self.fault.place == "reward":
                reward[self.fault.user] = self.fault.value
            elif self.fault.place == "observation":
                observation[self.fault.user, 5] = self.fault.value
        if self.fault.place == "last observation" and info:
            row = int(np.flatnonzero(info["_final_obs"])[0])
            info["final_obs"][row][5], self.fault = self.fault.value, self.fault._replace(user=row)
        return observation, reward, terminated, truncated, info


class Poison(BaseCallback):
    """Makes the first weights NaN after so many steps."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.at = step, 0

    def _on_step(self) -> bool:
        if self.n_calls >= self.step and not self.at:
            with torch.no_grad():
                next(iter(self.model.policy.parameters())).fill_(torch.nan)
            self.at = self.num_timesteps
        return True


def learner(agent: Agent, items: ItemSpace, env: RecommendVectorEnv) -> BaseAlgorithm:
    return agent.learner(GymnasiumVecEnv(env), items, seed=0, device="cpu")


@LEARNERS
@pytest.mark.parametrize(("step", "value"), [(1, np.nan), (3, np.inf), (8, -np.inf), (9, np.nan), (30, np.inf)])
@pytest.mark.parametrize("place", ["reward", "observation"])
def test_it_is_named_in_the_very_step(
    agent: Agent, place: str, step: int, value: float, task: Task, items: ItemSpace
) -> None:
    env = Faulty(task, Fault(place, step, value))
    with pytest.raises(FloatingPointError, match=rf"^{place} of user 2 is {value}.*look at env\.{place}"):
        learner(agent, items, env).learn(400)
    assert env.steps == step


def test_a_first_observation_is_looked_at_too(task: Task, items: ItemSpace) -> None:
    with pytest.raises(FloatingPointError, match="observation of user 2 is nan at 5"):
        learner(PPO, items, Faulty(task, Fault("observation", 0, np.nan))).learn(400)


@LEARNERS
def test_the_last_observation_of_a_session_is_looked_at_too(agent: Agent, task: Task, items: ItemSpace) -> None:
    env = Faulty(task, Fault("last observation", -1, np.nan))
    with pytest.raises(FloatingPointError, match="last observation of user") as caught:
        learner(agent, items, env).learn(400)
    assert f"user {env.fault.user} is nan" in str(caught.value)


@AGENTS
@pytest.mark.parametrize("step", [8, 16, 24, 32, 40])
def test_a_loss_is_named_at_the_update_it_arises_in(agent: Agent, step: int, task: Task, items: ItemSpace) -> None:
    model, poison = learner(agent, items, RecommendVectorEnv(NUM_ENVS, task)), Poison(step)
    with pytest.raises(FloatingPointError, match=r"the loss is nan at update \d+; lower agent\.learning_rate"):
        model.learn(400, callback=poison)
    assert model.num_timesteps == poison.at == step * NUM_ENVS


def test_large_numbers_are_numbers() -> None:
    refuse_not_finite("reward", np.full((3, 2), 1e30, np.float32))
    refuse_loss(1e30, 1)


def test_the_first_of_several_users_is_named_by_number() -> None:
    values = np.zeros((3, 2), np.float32)
    values[1:, 1] = np.inf
    with pytest.raises(FloatingPointError, match=r"reward of user 7 is inf at 1 \(2 of 3\); look"):
        refuse_not_finite("reward", values, np.array([5, 7, 9]))
