"""What an agent says: translated by hand, then for whatever is said."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recloop.envs  # noqa: F401 (registers)
from recloop.envs.actions import Actions, Candidates, Items, Proto, Stock
from recloop.envs.index import Exact
from recloop.envs.observations import blocks
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task
from recloop.envs.users import Users
from recloop.envs.vector import RecommendVectorEnv

CROSS = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0], [0, -1]], np.float32)


def on_the_cross(actions: Actions, slate: int = 1, slots: np.ndarray | None = None) -> Actions:
    """Five items in the plane, and an observation that is the state alone; sessions of one step."""
    return actions.of(
        Stock(
            CROSS,
            blocks(state=2),
            slate,
            slots,
            max_steps=1,
            nearest=lambda queries, k: Exact(CROSS).search(queries, k)[0],
        )
    )


def arrived(n: int = 1) -> Users:
    zeros = np.zeros((n, 2), np.float32)
    return Users(np.arange(n), zeros, zeros, zeros, zeros[:, 0], np.arange(n), zeros)


def floats(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_an_item_said_is_an_item_shown() -> None:
    assert on_the_cross(Items()).items(np.array([3]), floats([1, 0])).tolist() == [3]


def test_of_an_item_shown_before_the_most_similar_other_one_is_shown() -> None:
    actions = on_the_cross(Items(repeats=False))
    assert actions.layout == {"state": slice(0, 2), "shown": slice(2, 3)}
    assert actions.items(np.array([0, 0]), floats([1, 0, 0], [1, 0, -1])).tolist() == [1, 0]


def test_of_a_slate_only_what_was_shown_before_is_replaced_and_by_what_may_stand_there() -> None:
    slots = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1]], bool)
    actions = on_the_cross(Items(repeats=False), 2, slots)
    assert actions.items(np.array([[1, 0]]), floats([0, 0, -1, 0])).tolist() == [[1, 2]]


def test_a_vector_says_the_items_nearest_to_it() -> None:
    assert on_the_cross(Proto()).items(floats([0.1, -0.9], [5, 1]), floats([0, 0], [0, 0])).tolist() == [4, 0]
    assert on_the_cross(Proto(), 3).items(floats([1, 0]), floats([0, 0])).tolist() == [[0, 1, 2]]


def test_a_vector_never_says_what_was_shown() -> None:
    actions = on_the_cross(Proto(repeats=False), 2)
    assert actions.items(floats([1, 0]), floats([0, 0, -1, 0])).tolist() == [[1, 2]]


def test_candidates_are_the_most_similar_items_and_some_of_the_others() -> None:
    actions = on_the_cross(Candidates(retrieved=2, drawn=2))
    seen = actions.read(actions.arrive(arrived(200)), np.tile(floats([1, 0.1]), (200, 1)))
    candidates = seen[:, actions.layout["candidates"]]
    assert (candidates[:, :2] == [0, 1]).all()
    assert set(map(tuple, candidates[:, 2:])) == {(a, b) for a in (2, 3, 4) for b in (2, 3, 4) if a != b}
    assert actions.items(np.tile(1, 200), seen).tolist() == [1] * 200


def test_candidates_were_not_shown_before() -> None:
    actions = on_the_cross(Candidates(False, retrieved=2, drawn=1))
    memory = actions.remember(actions.arrive(arrived()), np.array([0]), floats([1])[0])
    assert actions.read(memory, floats([1, 0.1]))[0, 2:5].tolist() == [0, 1, 2]


def test_candidates_are_drawn_anew_at_each_step() -> None:
    task = Task.synthetic(500, 4, action="candidates")
    session = task.arrive(task.simulator.draw(50, np.random.default_rng(0)))
    block = task.layout["candidates"]
    first = task.read(session)[:, block]
    np.testing.assert_array_equal(first, task.read(session)[:, block])
    then = task.read(task.step(session, np.zeros(50, np.int64), np.ones(50, np.float32))[0])[:, block]
    np.testing.assert_array_equal(np.sort(first[:, :80]), np.sort(then[:, :80]))
    assert (first[:, 80:] != then[:, 80:]).mean() > 0.9


def test_every_item_is_drawn_as_often_as_any_other() -> None:
    task = replace(Task.synthetic(50, 4), actions=Candidates(retrieved=0, drawn=5))
    users = task.simulator.draw(20_000, np.random.default_rng(0))._replace(who=np.arange(20_000))
    drawn = task.actions.read(task.actions.arrive(users), np.zeros((20_000, 11), np.float32))[:, 11:]
    counts = np.bincount(drawn.astype(np.int64).ravel(), minlength=50)
    assert ((counts - 2000) ** 2 / 2000).sum() < 90  # chi square of 49 degrees: 85.4 at 0.1 %


@pytest.mark.parametrize(
    ("actions", "said", "words"),
    [
        (Items(repeats=False), np.array([5]), "choose from 0 to 4"),
        (Candidates(retrieved=2, drawn=1), np.array([3]), "positions from 3 to 3; choose from 0 to 2"),
        (Candidates(retrieved=2, drawn=1), np.array([0, 1]), r"actions are \(2,\) for 1 users; give \(1,\)"),
        (Proto(), floats([np.nan, 0]), "action 0 has a value that is not finite"),
        (Proto(), floats([1, 0, 0]), r"actions are \(1, 3\) for 1 users and items of 2 values"),
    ],
)
def test_what_cannot_be_meant_is_refused(actions: Actions, said: np.ndarray, words: str) -> None:
    bound = on_the_cross(actions)
    seen = bound.read(bound.arrive(arrived()), floats([1, 0]))
    with pytest.raises(ValueError, match=words):
        bound.items(said, seen)


def test_a_slate_names_no_position_twice() -> None:
    bound = on_the_cross(Candidates(retrieved=2, drawn=1), 2)
    with pytest.raises(ValueError, match=r"slate \[1, 1\] names one position twice"):
        bound.items(np.array([[1, 1]]), bound.read(bound.arrive(arrived()), floats([1, 0])))


@pytest.mark.parametrize(
    ("actions", "slate", "words"),
    [
        (
            Candidates(retrieved=4, drawn=2),
            1,
            "5 items are fewer than 6 to choose from; give more items or choose from fewer$",
        ),
        (Candidates(False, retrieved=4, drawn=1), 1, "fewer than 1 that a session may show and 5 to choose from"),
        (
            Items(repeats=False),
            3,
            "5 items are fewer than 3 that a session may show and 3 to choose from.*set repeats=true",
        ),
        (Candidates(retrieved=1, drawn=1), 3, "2 candidates do not fill a slate of 3"),
    ],
)
def test_a_catalog_that_does_not_last_is_refused(actions: Actions, slate: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        on_the_cross(actions, slate)


@pytest.mark.parametrize("actions", [Candidates(retrieved=1, drawn=1), Proto()])
def test_slots_are_for_items(actions: Actions) -> None:
    with pytest.raises(ValueError, match="choose env/action=item"):
        on_the_cross(actions, slots=np.ones((1, 5), bool))


@pytest.mark.parametrize("counts", [(-1, 5), (5, -1), (0, 0)])
def test_candidates_of_which_there_are_none_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"retrieved is {counts[0]} and drawn is {counts[1]}"):
        Candidates(True, *counts)


def test_more_items_than_float32_can_name_are_refused() -> None:
    many = np.broadcast_to(floats([1, 0]), (2**24, 2))
    with pytest.raises(ValueError, match="too many to name"):
        Items(repeats=False).of(
            Stock(many, blocks(state=2), 1, None, 1, lambda queries, k: Exact(many).search(queries, k)[0])
        )


def test_the_exact_look_up_is_that_of_all_products() -> None:
    rng = np.random.default_rng(0)
    queries, vectors = rng.normal(size=(20, 7)).astype(np.float32), rng.normal(size=(300, 7)).astype(np.float32)
    items, scores = Exact(vectors).search(queries, 12)
    products = queries @ vectors.T
    np.testing.assert_array_equal(items, np.argsort(-products, axis=1)[:, :12])
    np.testing.assert_allclose(scores, np.take_along_axis(products, items, axis=1), rtol=1e-5)


def test_of_equal_items_the_first_is_found_first() -> None:
    assert Exact(np.ones((5, 2), np.float32)).search(floats([1, 1]), 3)[0].tolist() == [[0, 1, 2]]


MODES = [Items(repeats=False), Candidates(True, 6, 3), Candidates(False, 6, 3), Proto(), Proto(repeats=False)]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(MODES), st.sampled_from([1, 3]), st.integers(0, 2**31), st.integers(1, 6))
def test_whatever_is_said_different_items_are_shown_that_may_be(
    mode: Actions, slate: int, seed: int, num_envs: int
) -> None:
    """And one environment for each user shows what one for all does."""
    task = replace(Task.synthetic(40, 4, max_steps=5, slate=slate), actions=mode)
    env = RecommendVectorEnv(num_envs, task)
    env.reset(seed=seed)
    env.action_space.seed(seed)
    shown: list[list[int]] = [[] for _ in range(num_envs)]
    for _ in range(12):
        said, seen = env.action_space.sample(), task.read(env.session)
        items = task.actions.items(said, seen)
        for row in range(num_envs):
            alone = task.actions.items(said[row : row + 1], seen[row : row + 1])
            np.testing.assert_array_equal(alone[0], items[row])
        *_, terminated, truncated, _ = env.step(said)
        for row, slates in enumerate(items.reshape(num_envs, -1).tolist()):
            assert len(set(slates)) == slate
            if not mode.repeats:
                assert not set(slates) & set(shown[row])
            shown[row] = [] if terminated[row] or truncated[row] else [*shown[row], *slates]


@pytest.mark.parametrize("action", ["candidates", "proto"])
def test_gymnasium_makes_environments_of_each_mode(action: str) -> None:
    space = {"candidates": gymnasium.spaces.Discrete(100), "proto": gymnasium.spaces.Box(-1, 1, (16,), np.float32)}
    assert gymnasium.make("recloop/Recommend-v0", action=action).action_space == space[action]
    several = gymnasium.make_vec("recloop/Recommend-v0", num_envs=3, action=action, repeats=False)
    assert several.single_action_space == space[action]
    several.reset(seed=0)
    several.step(several.action_space.sample())


def test_an_action_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="action is 'propose'; choose one of item, candidates, proto"):
        RecommendEnv(action="propose")


@pytest.mark.parametrize("action", ["item", "candidates", "proto"])
def test_a_state_put_back_replays_what_is_offered(action: str) -> None:
    env, other = (RecommendVectorEnv(4, Task.synthetic(300, 4, action=action, repeats=False)) for _ in range(2))
    env.reset(seed=3)
    env.action_space.seed(0)
    said = [env.action_space.sample() for _ in range(30)]
    for actions in said[:7]:
        env.step(actions)
    state = env.get_state()
    first = [env.step(actions)[0] for actions in said[7:]]
    other.set_state(state)
    for actions, seen in zip(said[7:], first, strict=True):
        np.testing.assert_array_equal(other.step(actions)[0], seen)


def test_an_agent_that_writes_into_what_it_observed_is_understood_all_the_same() -> None:
    one, other = (RecommendVectorEnv(4, Task.synthetic(300, 4, action="candidates")) for _ in range(2))
    seen = one.reset(seed=0)[0]
    other.reset(seed=0)
    seen[:] = 0
    actions = np.full(4, 3)
    np.testing.assert_array_equal(one.step(actions)[1], other.step(actions)[1])
