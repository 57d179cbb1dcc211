"""QR-DQN: quantiles of the return."""

from typing import Any

import numpy as np
import pytest
import torch

from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.qr_dqn import QRDQNAgent, QuantileDQN
from recloop.agents.replay import Replayed
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


def learner(task: Task, items: ItemSpace, **options: Any) -> QuantileDQN:
    agent = QRDQNAgent(num_envs=4, hidden=(16,), buffer_steps=4000, **options)
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(4, task)), items, 0, "cpu")


def test_q_values_are_the_means_of_quantiles(task: Task, items: ItemSpace, observations: Floats) -> None:
    network, seen = learner(task, items, quantiles=7).q_net, torch.as_tensor(observations)
    actions = torch.arange(len(seen))[:, None] % 60
    at_once, later = network.quantiles(seen, actions)
    assert later.shape == (50, 7)
    means = (at_once + later).mean(dim=1, keepdim=True)
    torch.testing.assert_close(network.of(seen, actions), means)
    torch.testing.assert_close(network(seen).gather(1, actions), means, rtol=1e-4, atol=1e-4)


def test_quantiles_of_a_known_distribution_are_learned(task: Task, items: ItemSpace, observations: Floats) -> None:
    model = learner(task, items, quantiles=4, learning_rate=0.03)
    returns = np.tile([0.0, 1.0, 2.0, 3.0], 16)  # quantiles at 1/8, 3/8, 5/8, 7/8: 0, 1, 2 and 3
    seen = torch.as_tensor(observations[:1]).repeat(len(returns), 1)
    batch = Replayed(
        observations=seen,
        actions=torch.zeros(len(returns), 1, dtype=torch.long),
        next_observations=seen,
        dones=torch.ones(len(returns), 1),
        rewards=torch.as_tensor(returns, dtype=torch.float32)[:, None],
        discounts=torch.ones(len(returns), 1),
        first_rewards=torch.zeros(len(returns)),
        answers=torch.empty(len(returns), 0),
        next_shortlists=torch.zeros(len(returns), 8, dtype=torch.long),
    )
    for _ in range(200):
        model._gradient_step(batch)
    at_once, later = model.q_net.quantiles(seen[:1], torch.zeros(1, 1, dtype=torch.long))
    quantiles = np.sort((at_once + later).detach().numpy()[0])
    np.testing.assert_allclose(quantiles, [0.25, 1, 2, 2.75], atol=0.3)  # the Huber loss draws them inwards


def test_only_the_item_head_has_quantiles() -> None:
    with pytest.raises(ValueError, match="head is 'mlp'; QR-DQN has the item head alone, choose head=item"):
        QRDQNAgent(head="mlp")


def test_slates_are_for_slate_q(task: Task, items: ItemSpace) -> None:
    slates = ItemSpace(items.vectors, items.quality, items.popularity, items.layout, slate=3)
    with pytest.raises(ValueError, match="agent=slate_q"):
        learner(task, slates)
