"""DQN for many users and many items: exploration, targets, how much is learned from a step."""

from typing import Any, Literal

import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor, nn

from recloop.agents.dqn import BatchedDQN, DQNAgent, ItemQNetwork
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


def learner(task: Task, items: ItemSpace, num_envs: int = 4, seed: int = 0, **options: Any) -> BatchedDQN:
    agent = DQNAgent(num_envs=num_envs, hidden=(16,), buffer_steps=4000, **options)
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(num_envs, task)), items, seed, "cpu")


def explored(model: BatchedDQN, observations: Floats, rate: float) -> np.ndarray:
    """Actions of the training loop at an exploration rate."""
    model._last_obs, model.exploration_rate = observations, rate
    return model._sample_action(0, None, len(observations))[0]


@pytest.mark.parametrize("head", ["item", "mlp"])
def test_values_of_actions_are_those_among_all_values(
    task: Task, items: ItemSpace, observations: Floats, head: Literal["item", "mlp"]
) -> None:
    network, seen = learner(task, items, head=head).q_net, torch.as_tensor(observations)
    actions = torch.arange(len(seen)) % 60
    gathered = network(seen).gather(1, actions[:, None])[:, 0]
    torch.testing.assert_close(network.of(seen, actions), gathered, rtol=1e-4, atol=1e-4)


def test_without_exploration_every_user_gets_the_best_item(task: Task, items: ItemSpace, observations: Floats) -> None:
    model = learner(task, items)
    np.testing.assert_array_equal(
        explored(model, observations, 0.0), model.predict(observations, deterministic=True)[0]
    )


def test_every_user_flips_a_coin_of_their_own(task: Task, items: ItemSpace, observations: Floats) -> None:
    model = learner(task, items, explore_best=20)
    many = np.repeat(observations, 40, axis=0)  # [2000, size]
    best = explored(model, many, 0.0)
    for rate in (0.1, 0.5):
        share = np.mean(explored(model, many, rate) != best)
        assert share == pytest.approx(rate * 19 / 20, abs=0.04)  # one exploration in twenty finds the best


def test_exploration_stays_among_the_best(task: Task, items: ItemSpace, observations: Floats) -> None:
    model = learner(task, items, explore_best=5)
    values = model.q_net(torch.as_tensor(observations)).detach().numpy()
    best = np.argsort(-values)[:, :5]
    seen = [set() for _ in observations]  # type: list[set[int]]
    for _ in range(60):
        actions = explored(model, observations, 1.0)
        assert (actions[:, None] == best).any(axis=1).all()
        for items_seen, action in zip(seen, actions.tolist(), strict=True):
            items_seen.add(action)
    assert np.mean([len(items_seen) for items_seen in seen]) > 4.9


def test_exploration_among_more_items_than_there_are_is_among_all(task: Task, items: ItemSpace) -> None:
    assert learner(task, items, explore_best=1000).explore_best == 60


@pytest.mark.parametrize(("num_envs", "steps"), [(1, 1), (16, 1), (64, 4), (128, 8)])
def test_gradient_steps_follow_the_number_of_users(task: Task, items: ItemSpace, num_envs: int, steps: int) -> None:
    assert learner(task, items, num_envs, replay_ratio=16.0, batch_size=256).gradient_steps == steps


def test_what_comes_at_once_is_learned_from_rewards_only(task: Task, items: ItemSpace, observations: Floats) -> None:
    network = learner(task, items).q_net
    assert isinstance(network, ItemQNetwork)
    seen, actions = torch.as_tensor(observations), torch.arange(len(observations)) % 60
    shift = network.head.shift
    assert torch.autograd.grad(network.of(seen, actions).sum(), shift, allow_unused=True)[0] is None
    assert torch.autograd.grad(network.at_once(seen, actions).sum(), shift)[0] != 0


class Table(nn.Module):
    """Q-values [states, actions] looked up by the first value of the observation."""

    def __init__(self, values: list[list[float]]) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values, dtype=torch.float32))

    def forward(self, observations: Tensor) -> Tensor:
        values: Tensor = self.values[observations[:, 0].long()]
        return values

    def of(self, observations: Tensor, actions: Tensor) -> Tensor:
        return self.forward(observations).gather(1, actions[:, None])[:, 0]


@pytest.mark.parametrize(("done", "discounts", "target"), [(0, None, 4.5), (0, 0.25, 3.25), (1, None, 2.0)])
def test_the_online_network_chooses_and_the_target_network_values(
    task: Task, items: ItemSpace, done: int, discounts: float | None, target: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learner(task, items, gamma=0.5)
    online, valuing = Table([[4.2, 0], [1, 3]]), Table([[0, 0], [10, 5]])  # in state 1: chooses action 1, worth 5
    batch = ReplayBufferSamples(
        observations=torch.tensor([[0.0]]),
        actions=torch.tensor([[0]]),
        next_observations=torch.tensor([[1.0]]),
        dones=torch.tensor([[float(done)]]),
        rewards=torch.tensor([[2.0]]),
        discounts=None if discounts is None else torch.tensor([[discounts]]),
    )
    model.set_logger(Logger(None, []))
    monkeypatch.setattr(model, "q_net", online)
    monkeypatch.setattr(model, "q_net_target", valuing)
    monkeypatch.setattr(model.replay_buffer, "sample", lambda *_: batch)
    monkeypatch.setattr(model.policy, "optimizer", torch.optim.SGD(online.parameters(), lr=1.0))
    monkeypatch.setattr(model, "_update_learning_rate", lambda _: None)
    model.train(gradient_steps=1, batch_size=1)
    error = 4.2 - target
    slope = np.clip(error, -1, 1)  # of the Huber loss
    expected = [[4.2 - slope, 0], [1, 3]]
    np.testing.assert_allclose(online.values.detach(), np.array(expected), rtol=1e-5)
    np.testing.assert_allclose(valuing.values.detach(), np.array([[0, 0], [10, 5]]))
    loss = abs(error) - 0.5 if abs(error) > 1 else error**2 / 2
    assert model.logger.name_to_value["train/loss"] == pytest.approx(loss, rel=1e-4)


def test_returns_of_several_steps_are_discounted_and_bootstrap_later(task: Task, items: ItemSpace) -> None:
    model = learner(task, items, num_envs=1, n_steps=3, gamma=0.5)
    buffer = model.replay_buffer
    assert isinstance(buffer, NStepReplayBuffer)
    size = model.observation_space.shape or (0,)
    for step in range(5):
        here, there = (np.full((1, *size), step + k, np.float32) for k in (0, 1))
        buffer.add(here, there, np.array([[7]]), np.array([step + 1.0]), np.array([False]), [{}])
    sample = buffer._get_samples(np.array([0]))
    assert sample.rewards.item() == pytest.approx(1 + 0.5 * 2 + 0.25 * 3)
    assert sample.discounts is not None
    assert sample.discounts.item() == pytest.approx(0.125)
    assert sample.next_observations[0, 0].item() == 3


def test_one_step_returns_need_no_special_buffer(task: Task, items: ItemSpace) -> None:
    assert type(learner(task, items, n_steps=1).replay_buffer) is ReplayBuffer


def test_a_session_cut_off_is_stored_with_its_own_last_observation(items: ItemSpace) -> None:
    short = Task.synthetic(60, 8, max_steps=4)
    model = learner(short, items, learning_starts=1000)
    model.learn(80)
    buffer = model.replay_buffer
    assert buffer is not None
    ends, gone = buffer.dones[:20] == 1, short.observation.layout["situation"].start
    assert ends.sum() == 20  # four users, five sessions each
    np.testing.assert_array_equal(buffer.timeouts[:20], buffer.dones[:20])
    np.testing.assert_array_equal(buffer.next_observations[:20][ends][:, gone], 1)


def test_the_same_seed_learns_the_same_weights_and_another_seed_others(task: Task, items: ItemSpace) -> None:
    weights = []
    for seed in (0, 0, 1):
        model = learner(task, items, seed=seed, learning_starts=100, batch_size=32)
        model.learn(400)
        weights.append(nn.utils.parameters_to_vector(model.q_net.parameters()).detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
