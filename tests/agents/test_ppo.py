"""PPO with the item-vector head."""

from typing import Any

import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.distributions import CategoricalDistribution
from torch import nn

from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.ppo import ItemLogits, LogSoftmax, PPOAgent
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv


def learner(task: Task, items: ItemSpace, seed: int = 0, **options: Any) -> PPO:
    agent = PPOAgent(num_envs=4, hidden=(16,), rollout_steps=16, batch_size=32, **options)
    return agent.learner(GymnasiumVecEnv(RecommendVectorEnv(4, task)), items, seed, "cpu")


def test_the_logits_are_the_values_of_items_over_the_temperature(
    task: Task, items: ItemSpace, observations: Floats
) -> None:
    model, seen = learner(task, items, temperature=0.25), torch.as_tensor(observations)
    assert isinstance(model.policy.action_net, ItemLogits)
    distribution = model.policy.get_distribution(seen)
    expected = torch.log_softmax(model.policy.action_net.head(seen)[0] / 0.25, dim=1)
    for item in range(5):
        taken = torch.full((len(seen),), item)
        torch.testing.assert_close(distribution.log_prob(taken), expected[:, item], rtol=1e-4, atol=1e-4)


def test_log_softmax_is_the_distribution_of_the_plain_head() -> None:
    logits, taken = 5 * torch.randn(6, 30, generator=torch.manual_seed(0)), torch.tensor([0, 29, 3, 3, 7, 11])
    ours, plain = LogSoftmax(30, counts_entropy=True), CategoricalDistribution(30)
    ours.proba_distribution(logits)
    plain.proba_distribution(logits)
    torch.testing.assert_close(ours.log_prob(taken), plain.log_prob(taken))
    torch.testing.assert_close(ours.entropy(), plain.entropy())
    torch.testing.assert_close(ours.mode(), plain.mode())


def test_items_are_drawn_as_often_as_they_are_probable() -> None:
    probable = torch.tensor([0.1, 0.6, 0.3])
    torch.manual_seed(0)
    drawn = LogSoftmax(3, counts_entropy=False).proba_distribution(probable.log().expand(20_000, 3)).sample()
    torch.testing.assert_close(drawn.bincount() / 20_000, probable, atol=0.015, rtol=0)


@pytest.mark.parametrize(("weight", "counted"), [(0.0, False), (0.01, True)])
def test_the_entropy_is_counted_where_it_weighs(
    task: Task, items: ItemSpace, observations: Floats, weight: float, counted: bool
) -> None:
    model = learner(task, items, entropy_weight=weight)
    model.learn(64)
    assert (model.policy.get_distribution(torch.as_tensor(observations)).entropy() is not None) == counted


def test_the_head_is_trained_with_the_rest(task: Task, items: ItemSpace) -> None:
    model = learner(task, items)
    trained = {id(weight) for group in model.policy.optimizer.param_groups for weight in group["params"]}
    assert trained == {id(weight) for weight in model.policy.parameters()}


def test_items_are_not_part_of_the_weights(task: Task, items: ItemSpace) -> None:
    assert not [name for name in learner(task, items).policy.state_dict() if "vectors" in name or "quality" in name]


def test_the_plain_head_has_one_output_an_item(task: Task, items: ItemSpace) -> None:
    head = learner(task, items, head="mlp").policy.action_net
    assert isinstance(head, nn.Linear)
    assert head.out_features == 60


def test_the_same_seed_learns_the_same_weights_and_another_seed_others(task: Task, items: ItemSpace) -> None:
    weights = []
    for seed in (0, 0, 1):
        model = learner(task, items, seed=seed)
        model.learn(128)
        weights.append(nn.utils.parameters_to_vector(model.policy.parameters()).detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_learning_rate_falls_to_nothing(task: Task, items: ItemSpace) -> None:
    model = learner(task, items, learning_rate=1e-2)
    assert [model.lr_schedule(remaining) for remaining in (1.0, 0.5, 0.0)] == [1e-2, 5e-3, 0.0]
