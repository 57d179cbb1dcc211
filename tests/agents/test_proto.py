"""Agents that say vectors in item space: where they begin, what they look up, what they learn from."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor, nn

from recloop.agents.baselines import Greedy
from recloop.agents.nearest import Nearest
from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.agents.proto_off_policy import ProtoAgent, ProtoPolicy
from recloop.agents.proto_ppo import ProtoPPOAgent
from recloop.agents.proto_sac import ProtoSACAgent
from recloop.agents.proto_td3 import ProtoTD3Agent
from recloop.agents.proto_tqc import ProtoTQCAgent
from recloop.agents.query import Query, deviation, entropy
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.agents.worth import Worth
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv

SMALL: dict[str, Any] = {"num_envs": 8, "hidden": (16,), "learning_starts": 40, "batch_size": 16, "replay_ratio": 4.0}
PPO = ProtoPPOAgent(8, (16,), rollout_steps=8, batch_size=16, epochs=1)
SAC, TD3, TQC = ProtoSACAgent(**SMALL), ProtoTD3Agent(**SMALL), ProtoTQCAgent(**SMALL, quantiles=7)
Agent = ProtoPPOAgent | ProtoAgent
OFF_POLICY = pytest.mark.parametrize("agent", [SAC, TD3, TQC], ids=lambda agent: agent.name)
AGENTS = pytest.mark.parametrize("agent", [PPO, SAC, TD3, TQC], ids=lambda agent: agent.name)
LAYOUT = {"state": slice(0, 2), "exposure": slice(2, 4)}
COMPASS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
"""Items to the east, north, west and south."""


def look_up(vectors: Floats, queries: Floats, k: int) -> Ints:
    return np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :k]


def space_of(task: Task) -> ItemSpace:
    items, stock = task.observation.items, task.actions.stock
    known = items.vectors, items.quality, items.popularity, task.layout
    return ItemSpace(*known, stock.slate, nearest=stock.nearest, says="proto")


def learner(agent: Agent, task: Task, seed: int = 0) -> Any:
    env = GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task))
    return agent.learner(env, space_of(task), seed, "cpu")


def arrived(task: Task, n: int = 50) -> Floats:
    return task.read(task.arrive(task.simulator.draw(n, np.random.default_rng(0))))


@pytest.fixture(scope="module")
def vectors() -> Task:
    return Task.synthetic(60, 8, max_steps=20, action="proto")


@pytest.fixture(scope="module")
def fresh() -> Task:
    return Task.synthetic(60, 8, max_steps=6, action="proto", repeats=False)


def compass(*blocks: str) -> ItemSpace:
    ones, layout = np.ones(4, np.float32), {**LAYOUT, **{name: slice(4, 6) for name in blocks}}
    return ItemSpace(COMPASS, ones, ones, layout, nearest=lambda queries, k: look_up(COMPASS, queries, k))


def north(observation: Tensor, actions: Tensor) -> Tensor:
    return actions[:, 1]


def test_of_the_items_nearest_to_the_proto_the_critic_chooses() -> None:
    said, seen = torch.tensor([[0.9, 0.1], [-0.8, -0.3]]), torch.zeros(2, 4)  # east, north; west, south
    assert Nearest(compass(), 1)(seen, said, north).tolist() == [[1, 0], [-1, 0]]
    assert Nearest(compass(), 2)(seen, said, north).tolist() == [[0, 1], [-1, 0]]  # south is worth less than west
    assert Nearest(compass(), 3)(seen, said, north).tolist() == [[0, 1], [0, 1]]


def test_every_user_s_items_are_valued_on_what_that_user_shows() -> None:
    said, seen = torch.tensor([[0.9, 0.1], [0.9, 0.1]]), torch.tensor([[0.0, 1, 0, 0], [0.0, -1, 0, 0]])
    chosen = Nearest(compass(), 3)(seen, said, lambda seen, actions: (seen[:, :2] * actions).sum(1))
    assert chosen.tolist() == [[0, 1], [0, -1]]


def test_what_was_shown_is_passed_over() -> None:
    said, seen = torch.tensor([[0.9, 0.1]] * 3), torch.zeros(3, 6)
    seen[:, 4:] = torch.tensor([[-1, -1], [-1, 0], [0, 1.0]])
    nearest = Nearest(compass("shown"), 1)
    assert nearest.items(seen.numpy(), said.numpy()).tolist() == [[0], [1], [3]]
    few = Nearest(compass("shown"), 9)  # four items, of which two may be closed
    assert few.k == 2
    assert few.items(seen.numpy(), said.numpy()).tolist() == [[0, 1], [1, 3], [3, 2]]


def test_without_a_look_up_nothing_is_nearest() -> None:
    with pytest.raises(ValueError, match=r"nothing looks up the items nearest to a vector; give ItemSpace\.nearest"):
        Nearest(replace(compass(), nearest=None), 1)


@pytest.mark.parametrize("squashed", [False, True])
def test_a_query_begins_as_similar_and_not_boring(squashed: bool) -> None:
    query = Query(LAYOUT, 4, [16], (1.0, 0.5), squashed=squashed)
    nn.init.zeros_(query.learned[-1].weight)  # type: ignore[arg-type]
    said = query(torch.tensor([[3.0, 0, 0, 0], [0.0, 2, 0, 4], [0, 1, -1.5, 0]]))
    length = 0.9 if squashed else 1.0
    expected = torch.tensor([[1, 0], [0, 0], [0.6, 0.8]]) * length
    torch.testing.assert_close(torch.tanh(said) if squashed else said, expected)


def test_a_vector_begins_worth_the_click_it_promises() -> None:
    worth = Worth(LAYOUT, 4, [16], (10.0, 4.0), outputs=3)
    for layers in (worth.liked, worth.later):
        nn.init.zeros_(layers[-1].weight)  # type: ignore[arg-type]
    seen = torch.tensor([[0.8, 0.6, 0.5, 0, 2, 0], [0.8, 0.6, -0.5, 0, 0.1, 0]])  # length one, however said
    expected = torch.sigmoid(torch.tensor([8.0 - 2 - 5, 8 - 5]))
    torch.testing.assert_close(worth(seen), expected[:, None].expand(2, 3))
    torch.testing.assert_close(worth.at_once(seen), expected[:, None])


def test_what_comes_at_once_is_learned_from_rewards_only_but_pulls_at_the_action() -> None:
    worth, seen = Worth(LAYOUT, 4, [16], (10.0, 4.0), outputs=1), torch.ones(1, 6, requires_grad=True)
    for values, learned in ((worth(seen), False), (worth.at_once(seen), True)):
        slopes = torch.autograd.grad(values.sum(), [seen, worth.shift, worth.log_scales], allow_unused=True)
        assert [slope is not None for slope in slopes] == [True, learned, learned]


def test_noise_is_as_long_as_it_says_and_its_entropy_is_that_of_the_normal_distribution() -> None:
    assert deviation(0.5, 64) == 0.0625
    assert entropy(0.5, 64) == pytest.approx(64 * (-2.772589 + 1.418939), rel=1e-6)  # ln 0.0625 + ln sqrt(2 pi e)


@AGENTS
def test_at_the_start_the_most_similar_item_is_shown(agent: Agent, vectors: Task) -> None:
    seen = arrived(vectors)  # nobody is bored yet
    sure = agent if isinstance(agent, ProtoPPOAgent) else replace(agent, nearest=1)
    said, _ = learner(sure, vectors).predict(seen, deterministic=True)
    similar = Greedy(space_of(vectors)).scores(seen)  # [50, 60]
    shown = similar[np.arange(50), vectors.actions.items(said, seen)]
    np.testing.assert_allclose(shown, similar.max(axis=1), atol=0.02)  # f is nearly zero; some items are alike


@OFF_POLICY
def test_said_and_replayed_are_vectors_of_the_items_shown(agent: ProtoAgent, vectors: Task) -> None:
    model = learner(agent, vectors)
    model.learn(200)
    replayed = model.replay_buffer.actions[: model.replay_buffer.pos].reshape(-1, 8)
    catalog = vectors.observation.items.vectors
    assert np.array_equal(catalog[look_up(catalog, replayed, 1)[:, 0]], replayed)
    assert len(np.unique(replayed, axis=0)) > 20
    said, _ = model.predict(arrived(vectors), deterministic=True)
    np.testing.assert_allclose((said @ catalog.T).max(axis=1), 1, rtol=1e-5)


@OFF_POLICY
def test_the_critics_choose_in_training_and_in_evaluation(agent: ProtoAgent, vectors: Task) -> None:
    model, seen = learner(replace(agent, nearest=60, noise=1e-3), vectors), arrived(vectors)
    policy, catalog = model.policy, torch.as_tensor(vectors.observation.items.vectors)
    assert isinstance(policy, ProtoPolicy)
    with torch.no_grad():
        values = torch.stack([policy.worth(torch.as_tensor(row).expand(60, -1), catalog) for row in seen])
    model._last_obs = seen
    for said in (model.predict(seen, deterministic=True)[0], model._sample_action(0)[0], model._sample_action(0)[1]):
        chosen = torch.as_tensor(vectors.actions.items(said, seen))
        torch.testing.assert_close(values.gather(1, chosen[:, None])[:, 0], values.amax(dim=1))


@AGENTS
@pytest.mark.parametrize("slate", [1, 2])
def test_nothing_is_shown_twice_where_it_may_not_be(agent: Agent, slate: int) -> None:
    task = Task.synthetic(60, 8, max_steps=6, slate=slate, action="proto", repeats=False)
    model = learner(agent, task)
    model.learn(200)
    session, shown = task.arrive(task.simulator.draw(30, np.random.default_rng(1))), []
    for step in range(6):
        seen = task.read(session)
        items = task.actions.items(model.predict(seen, deterministic=step % 2 == 0)[0], seen)
        shown.append(items.reshape(30, -1))
        session = task.step(session, items, np.full(items.shape, 0.5, np.float32))[0]
    everything = np.sort(np.concatenate(shown, axis=1), axis=1)
    assert (everything[:, 1:] != everything[:, :-1]).all()


@AGENTS
def test_item_numbers_are_not_read_and_no_weight_knows_of_the_catalog(agent: Agent, fresh: Task) -> None:
    policy = learner(agent, fresh).policy
    seen = torch.as_tensor(arrived(fresh))
    numbered = seen.clone()
    numbered[:, fresh.layout["shown"]] = torch.arange(6.0)
    if isinstance(policy, ProtoPolicy):
        said, same = (policy.proto(rows, True) for rows in (seen, numbered))
    else:
        said, same = (policy.get_distribution(rows).mode() for rows in (seen, numbered))
    torch.testing.assert_close(said, same, rtol=0, atol=0)
    assert not any({60, seen.shape[1]} & set(values.shape) for values in policy.state_dict().values())


@AGENTS
def test_the_same_seed_learns_the_same_weights_and_another_seed_others(agent: Agent, vectors: Task) -> None:
    once, again, other = (
        nn.utils.parameters_to_vector(learner(agent, vectors, seed).learn(128).policy.parameters()).detach()
        for seed in (0, 0, 1)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


class Poison(BaseCallback):
    """Makes the first weights of the actor, or of all, NaN at the end of the second rollout of PPO."""

    def _on_step(self) -> bool:
        if self.n_calls == 16:
            with torch.no_grad():
                next(iter(self.model.policy.parameters())).fill_(torch.nan)
        return True


def expected_clicks(policy: Any, task: Task, users: int = 256) -> float:
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


EAGER: dict[str, Any] = {"num_envs": 32, "hidden": (64,), "learning_rate": 3e-3, "scales": (10.0, 0.1)}
"""Hardly minds boredom before it has learned anything."""
OFTEN: dict[str, Any] = {**EAGER, "learning_starts": 320, "batch_size": 128, "replay_ratio": 8.0}


@pytest.mark.parametrize(
    ("agent", "steps"),
    [
        (ProtoPPOAgent(**EAGER, batch_size=256, noise=0.5), 15_000),
        (ProtoTD3Agent(**OFTEN), 5_000),
        pytest.param(ProtoSACAgent(**OFTEN), 5_000, marks=pytest.mark.slow),
        pytest.param(ProtoTQCAgent(**OFTEN), 5_000, marks=pytest.mark.slow),
    ],
    ids=["PPO", "TD3", "SAC", "TQC"],
)
def test_a_trained_agent_clearly_beats_the_untrained_one(agent: Agent, steps: int, vectors: Task) -> None:
    torch.set_num_threads(1)
    env = GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, vectors, stagger=True))
    model = agent.learner(env, space_of(vectors), 0, "cpu")
    untrained = expected_clicks(model, vectors)  # as good as similarity-greedy, and better than chance
    trained = expected_clicks(model.learn(steps), vectors)
    assert trained > 1.2 * untrained, (untrained, trained)


@AGENTS
def test_a_loss_that_is_no_number_ends_the_training(agent: Agent, vectors: Task) -> None:
    model: BaseAlgorithm = learner(agent, vectors)
    with pytest.raises(FloatingPointError, match=r"the loss is nan at update \d+; lower agent\.learning_rate"):
        model.learn(400, callback=Poison())
    assert model.num_timesteps == 16 * agent.num_envs


@AGENTS
def test_agents_that_say_a_vector_cannot_choose_an_item(agent: Agent, task: Task, items: ItemSpace) -> None:
    with pytest.raises(ValueError, match="cannot play env/action=item; choose proto, or another agent"):
        agent.learner(GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task)), items, 0, "cpu")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"nearest": 0}, "nearest is 0; give a number of 1 or more"),
        ({"noise": 0.0}, "noise is 0.0; give a number above 0"),
        ({"batch_size": 1}, "batch_size is 1; give a number of 2 or more"),
        ({"scales": (1.0, -1.0)}, "scales is"),
    ],
)
def test_numbers_with_which_nothing_can_be_learned_are_refused(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ProtoSACAgent(**setting)


def test_not_all_quantiles_can_be_dropped() -> None:
    with pytest.raises(ValueError, match="dropped_quantiles is 5; give a number from 0 to 4"):
        ProtoTQCAgent(quantiles=5, dropped_quantiles=5)
