"""DQN for many users and many items: exploration, targets, how much is learned from a step."""

from typing import Any, Literal

import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import Logger
from torch import Tensor, nn

from recloop.agents.dqn import BatchedDQN, DQNAgent, ItemQNetwork, MLPQNetwork
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.replay import Replayed
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


def learner(task: Task, items: ItemSpace, num_envs: int = 4, seed: int = 0, **options: Any) -> BatchedDQN:
    agent = DQNAgent(num_envs=num_envs, hidden=(16,), buffer_steps=4000, **options)
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(num_envs, task)), items, seed, "cpu")


def explored(model: BatchedDQN, observations: Floats, rate: float) -> np.ndarray:
    """Actions of the training loop at an exploration rate."""
    model.exploration_rate = rate
    return model._explore(observations)[0]


@pytest.mark.parametrize("head", ["item", "mlp"])
def test_values_of_actions_are_those_among_all_values(
    task: Task, items: ItemSpace, observations: Floats, head: Literal["item", "mlp"]
) -> None:
    network, seen = learner(task, items, head=head).q_net, torch.as_tensor(observations)
    actions = torch.arange(2 * len(seen)).reshape(-1, 2) % 60
    gathered = network(seen).gather(1, actions)
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
    seen, actions = torch.as_tensor(observations), torch.arange(len(observations))[:, None] % 60
    at_once, later = network.parts(seen, actions)
    shift = network.head.shift
    assert torch.autograd.grad(later.sum(), shift, allow_unused=True, retain_graph=True)[0] is None
    assert torch.autograd.grad(at_once.sum(), shift)[0] != 0


class Table(MLPQNetwork):
    """Q-values [states, actions] looked up by the first value of the observation."""

    def __init__(self, values: list[list[float]]) -> None:
        nn.Module.__init__(self)
        self.values = nn.Parameter(torch.tensor(values, dtype=torch.float32))

    def forward(self, obs: Any) -> Tensor:
        values: Tensor = self.values[obs[:, 0].long()]
        return values

    def of(self, obs: Any, actions: Tensor) -> Tensor:
        values: Tensor = self(obs).gather(1, actions)
        return values


@pytest.mark.parametrize("shortlist", [0, 2])
@pytest.mark.parametrize(("done", "discounts", "target"), [(0, 0.5, 4.5), (0, 0.25, 3.25), (1, 0.5, 2.0)])
def test_the_online_network_chooses_and_the_target_network_values(
    task: Task,
    items: ItemSpace,
    done: int,
    discounts: float,
    target: float,
    shortlist: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = learner(task, items, shortlist=shortlist)
    online, valuing = Table([[4.2, 0], [1, 3]]), Table([[0, 0], [10, 5]])  # in state 1: chooses action 1, worth 5
    batch = Replayed(
        observations=torch.tensor([[0.0]]),
        actions=torch.tensor([[0]]),
        next_observations=torch.tensor([[1.0]]),
        dones=torch.tensor([[float(done)]]),
        rewards=torch.tensor([[2.0]]),
        discounts=torch.tensor([[discounts]]),
        first_rewards=torch.tensor([2.0]),
        answers=torch.empty(1, 0),
        next_shortlists=torch.tensor([[1, 0]]),
    )
    model.set_logger(Logger(None, []))
    monkeypatch.setattr(model, "q_net", online)
    monkeypatch.setattr(model, "num_items", 2)
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


def test_the_best_is_looked_for_in_the_shortlist_and_at_random(
    task: Task, items: ItemSpace, observations: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, seen = learner(task, items, shortlist=3), torch.as_tensor(observations)
    shortlists = torch.arange(len(seen))[:, None] % 50 + torch.tensor([0, 4, 9])
    tried = model._tried(shortlists)
    assert torch.equal(tried[:, :3], shortlists)
    assert (tried.shape, len(set(tried[:, 3:].flatten().tolist())) > 50) == ((50, 6), True)
    monkeypatch.setattr(model, "_tried", lambda _: tried)
    among = model.q_net(seen).gather(1, tried).argmax(dim=1, keepdim=True)
    assert torch.equal(model._greedy(seen, shortlists), tried.gather(1, among))


def test_what_was_best_when_an_observation_was_acted_on_is_kept_with_it(task: Task, items: ItemSpace) -> None:
    model = learner(task, items, shortlist=5, learning_starts=1000)
    model.learn(40)
    buffer = model.replay_buffer
    values = model.q_net(torch.as_tensor(buffer.observations[:10].reshape(40, -1))).detach().numpy()
    np.testing.assert_array_equal(np.argsort(-values)[:, :5], buffer.shortlists[:10].reshape(40, 5))


def test_a_session_cut_off_is_stored_with_its_own_last_observation(items: ItemSpace) -> None:
    short = Task.synthetic(60, 8, max_steps=4)
    model = learner(short, items, learning_starts=1000)
    model.learn(80)
    buffer = model.replay_buffer
    ends, gone = buffer.dones[:20] == 1, short.observation.layout["situation"].start
    assert ends.sum() == 20  # four users, five sessions each
    np.testing.assert_array_equal(buffer.timeouts[:20], buffer.dones[:20])
    rows, users = np.nonzero(ends)
    np.testing.assert_array_equal(buffer._following(rows, users)[0][:, gone], 1)


def test_the_same_seed_learns_the_same_weights_and_another_seed_others(task: Task, items: ItemSpace) -> None:
    weights = []
    for seed in (0, 0, 1):
        model = learner(task, items, seed=seed, learning_starts=100, batch_size=32)
        model.learn(400)
        weights.append(nn.utils.parameters_to_vector(model.q_net.parameters()).detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
