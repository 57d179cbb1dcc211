"""MaskablePPO: what the environment masks is never said, and the head masks the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

from recloop.agents.maskable_ppo import MaskableItemActorCritic, MaskablePPOAgent, MaskableSlates
from recloop.agents.offers import MASKED
from recloop.agents.policy import ItemSpace
from recloop.agents.ppo import PPOAgent
from recloop.agents.vec_env import GymnasiumVecEnv
from recloop.envs.actions import Actions, Candidates, Items
from recloop.envs.choice import MultinomialLogit
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task
from recloop.envs.vector import RecommendVectorEnv
from recloop.experiments.setting import item_space

AGENT = MaskablePPOAgent(num_envs=8, rollout_steps=8, batch_size=32, hidden=(16,), entropy_weight=0.01)
ONCE, FEW = Items(repeats=False), Candidates(False, retrieved=4, drawn=3)


def served(actions: Actions) -> Task:
    return replace(Task.synthetic(30, 4, max_steps=8), actions=actions)


def slated(actions: Actions) -> Task:
    task = served(actions)
    return replace(task, simulator=replace(task.simulator, choice=MultinomialLogit(slate=2)))


def space_of(task: Task) -> ItemSpace:
    items = task.observation.items
    return ItemSpace(items.vectors, items.quality, items.popularity, task.layout)


class Recorded(RecommendVectorEnv):
    """Keeps what was said, and which users began anew behind it."""

    def __init__(self, num_envs: int, task: Task) -> None:
        super().__init__(num_envs, task)
        self.said, self.ended = list[np.ndarray](), list[np.ndarray]()

    def step(self, actions):  # type: ignore[no-untyped-def]
        items = self.task.actions.items(actions, self._observed)
        result = super().step(actions)
        self.said.append(items)
        self.ended.append(result[2] | result[3])
        return result

    def repeated(self) -> int:
        """How many items were shown again in a session."""
        again, shown = 0, [set[int]() for _ in range(self.num_envs)]
        for items, ended in zip(self.said, self.ended, strict=True):
            for user, item in enumerate(items.tolist()):
                slate = {item} if isinstance(item, int) else set(item)
                again += len(slate & shown[user])
                shown[user] = set() if ended[user] else shown[user] | slate
        return again


@pytest.mark.parametrize("actions", [ONCE, FEW])
@pytest.mark.parametrize("agent", [AGENT, PPOAgent(num_envs=8, rollout_steps=8, batch_size=32)], ids=lambda a: a.name)
def test_neither_ppo_ever_repeats_itself_in_training(agent: MaskablePPOAgent | PPOAgent, actions: Actions) -> None:
    task = served(actions)
    env = Recorded(8, task)
    agent.learner(GymnasiumVecEnv(env), space_of(task), 0, "cpu").learn(640)
    assert len(env.said) == 80
    assert env.repeated() == 0


def test_the_environment_masks_what_was_shown_in_this_session() -> None:
    env = RecommendVectorEnv(3, served(ONCE))
    env.reset(seed=0)
    assert env.action_masks().all()
    env.step(np.array([4, 5, 6]))
    env.step(np.array([7, 8, 9]))
    assert [np.flatnonzero(~row).tolist() for row in env.action_masks()] == [[4, 7], [5, 8], [6, 9]]
    single = RecommendEnv(served(ONCE))
    single.reset(seed=0)
    single.step(3)
    assert np.flatnonzero(~single.action_masks()).tolist() == [3]


@pytest.mark.parametrize(("actions", "size"), [(Items(), 30), (FEW, 7)])
def test_without_anything_to_mask_all_is_open(actions: Actions, size: int) -> None:
    env = RecommendVectorEnv(3, served(actions))
    env.reset(seed=0)
    env.step(np.array([4, 5, 6]))
    assert env.action_masks().shape == (3, size)
    assert env.action_masks().all()
    single = RecommendEnv(served(actions))
    single.reset(seed=0)
    assert single.action_masks().shape == (size,)


def test_sb3_contrib_finds_the_masks() -> None:
    env = GymnasiumVecEnv(RecommendVectorEnv(3, served(ONCE)))
    env.reset()
    assert is_masking_supported(env)
    assert get_action_masks(env).reshape(-1, 30).shape == (3, 30)


def test_the_head_masks_what_the_environment_does() -> None:
    task = served(ONCE)
    env = GymnasiumVecEnv(RecommendVectorEnv(8, task))
    policy = AGENT.learner(env, space_of(task), 0, "cpu").policy
    assert isinstance(policy, MaskableItemActorCritic)
    seen = env.reset()
    for _ in range(12):
        with torch.no_grad():
            open_ = policy.action_net(torch.as_tensor(seen)) > MASKED / 2
        assert np.array_equal(open_, env.env.action_masks())  # type: ignore[attr-defined]
        seen = env.step(policy.predict(seen, deterministic=True)[0])[0]  # type: ignore[assignment]


def test_masks_have_no_meaning_for_vectors() -> None:
    with pytest.raises(ValueError, match="cannot play env/action=proto"):
        AGENT.check_says("proto", repeats=True)


def slates(num_items: int, **given: object) -> MaskableSlates:
    vectors = np.eye(num_items, dtype=np.float32)
    one = np.ones(num_items, np.float32)
    layout = {"state": slice(0, num_items), "exposure": slice(num_items, 2 * num_items)}
    return MaskableSlates(ItemSpace(vectors, one, one, layout, slate=2, **given))  # type: ignore[arg-type]


def test_a_slate_is_drawn_from_what_its_places_allow() -> None:
    odds = slates(3).proba_distribution(torch.log(torch.tensor([[1.0, 2.0, 1.0]])))
    odds.apply_masking(np.array([[True, True, False, True, False, True]]))
    # first 0 or 1, in proportion to 1 and 2; then of 0 and 2 what is left, in proportion to 1 and 1
    assert odds.log_prob(torch.tensor([[0, 2]])).exp().tolist() == pytest.approx([1 / 3])
    assert odds.log_prob(torch.tensor([[1, 2]])).exp().tolist() == pytest.approx([1 / 3])
    assert odds.log_prob(torch.tensor([[2, 0]])).exp().tolist() == [0]
    assert odds.mode().tolist() == [[1, 0]]


def test_masks_are_forgotten_with_the_next_logits() -> None:
    odds = slates(3).proba_distribution(torch.zeros(1, 3))
    odds.apply_masking(np.array([[True, False, False, False, True, False]]))
    assert odds.proba_distribution(torch.zeros(1, 3)).log_prob(torch.tensor([[2, 1]])).exp().tolist() == [
        pytest.approx(1 / 6)
    ]


@pytest.mark.parametrize("actions", [ONCE, FEW])
def test_slates_are_learned_under_masks(actions: Actions) -> None:
    task = slated(actions)
    env = Recorded(8, task)
    model = AGENT.learner(GymnasiumVecEnv(env), item_space(task), 0, "cpu").learn(640)
    assert model.num_timesteps == 640
    assert env.action_masks().shape == (8, 2 * (7 if actions is FEW else 30))
    assert env.repeated() == 0


def test_the_masks_of_a_slate_say_what_may_stand_where() -> None:
    slots = np.ones((2, 30), bool)
    slots[1, :10] = False
    env = RecommendVectorEnv(3, replace(slated(ONCE), slots=slots))
    env.reset(seed=0)
    env.step(np.array([[4, 15], [5, 16], [6, 17]]))
    first, second = env.action_masks()[0].reshape(2, 30)
    assert np.flatnonzero(~first).tolist() == [4, 15]
    assert np.flatnonzero(~second).tolist() == [*range(10), 15]
