"""What the agent sees, block by block."""

from collections.abc import Sequence

import numpy as np
import pytest

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.observations import Oracle, Pooled, Prompt, blocks, size_of
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.envs.users import Users

B, C = np.array([1]), np.array([2])
CLICKED, SKIPPED = np.ones(1, np.float32), np.zeros(1, np.float32)


def someone(simulator: Simulator, clock: int = 0) -> Users:
    return simulator.draw(1, np.random.default_rng(0))._replace(clock=np.array([clock]))


def test_blocks_stand_side_by_side() -> None:
    layout = blocks(state=2, exposure=2, situation=3)
    assert layout == {"state": slice(0, 2), "exposure": slice(2, 4), "situation": slice(4, 7)}
    assert size_of(layout) == 7


def test_the_state_at_arrival_is_history_plus_weighted_profile(plane: Catalog, simulator: Simulator) -> None:
    history, profiles = np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)
    pooled = Pooled(plane, history, 5, profiles=profiles, profile_weight=0.75)
    state = pooled.read(pooled.arrive(someone(simulator)))[:, pooled.layout["state"]]
    np.testing.assert_allclose(state, [[0.8, 0.6]], rtol=1e-6)


def test_the_pooled_observation_by_hand(task: Task) -> None:
    memory = task.observation.arrive(someone(task.simulator))
    np.testing.assert_array_equal(task.observation.read(memory), [[0, 1, 0, 0, 0, 0, 0]])
    memory = task.observation.remember(memory, someone(task.simulator, 1), C, CLICKED)
    state = np.array([0.06, 1.08]) / np.hypot(0.06, 1.08)  # (0, 1) + 0.1 * (0.6, 0.8)
    np.testing.assert_allclose(task.observation.read(memory), [[*state, 0.6, 0.8, 1 / 5, 1, 0.2]], rtol=1e-5)
    memory = task.observation.remember(memory, someone(task.simulator, 2), B, SKIPPED)
    np.testing.assert_allclose(task.observation.read(memory), [[*state, 0.3, 1.4, 2 / 5, 0, 0.16]], rtol=1e-5)


def test_reading_twice_gives_arrays_of_their_own(task: Task) -> None:
    memory = task.observation.arrive(someone(task.simulator))
    first, second = task.observation.read(memory), task.observation.read(memory)
    assert not np.shares_memory(first, second)


def test_a_user_of_whom_nothing_is_known_keeps_a_finite_observation(plane: Catalog, simulator: Simulator) -> None:
    pooled = Pooled(plane, np.zeros((1, 2), np.float32), max_steps=5)
    memory = pooled.remember(pooled.arrive(someone(simulator)), someone(simulator, 1), B, SKIPPED)
    np.testing.assert_array_equal(pooled.read(memory)[:, pooled.layout["state"]], [[0, 0]])


def test_states_of_another_space_are_refused(plane: Catalog) -> None:
    with pytest.raises(ValueError, match="histories of 3 dimensions for items of 2"):
        Pooled(plane, np.zeros((1, 3), np.float32), 5)


def test_a_state_that_is_not_finite_is_refused_by_user(plane: Catalog) -> None:
    with pytest.raises(ValueError, match="user 1 has a non-finite state"):
        Pooled(plane, np.array([[1, 0], [np.nan, 0]], np.float32), 5)


class Reader:
    """Stands in for a language model: keeps what it is given, and returns (1, 0) for every text."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Floats:
        self.texts = list(texts)
        return np.tile(np.array([[1, 0]], np.float32), (len(texts), 1))


def written(profile: str, enjoyed: Sequence[str], skipped: Sequence[str]) -> str:
    return f"{profile} +{','.join(enjoyed)} -{','.join(skipped)}"


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def prompt(plane: Catalog, reader: Reader) -> Prompt:
    return Prompt(plane, reader, written, ["a nurse"], np.array([[-1, 0]]), max_steps=5, half_life_steps=1.0, gain=2.0)


def test_the_model_reads_the_profile_and_what_was_liked_before(
    prompt: Prompt, reader: Reader, simulator: Simulator
) -> None:
    observation = prompt.read(prompt.arrive(someone(simulator)))
    assert reader.texts == ["a nurse +A -"]
    np.testing.assert_array_equal(observation, [[1, 0, 0, 0, 0, 0, 0]])
    assert observation.dtype == np.float32


def test_the_model_reads_what_was_enjoyed_and_skipped_oldest_first(
    prompt: Prompt, reader: Reader, simulator: Simulator
) -> None:
    memory = prompt.arrive(someone(simulator))
    for clock, (item, click) in enumerate(((B, CLICKED), (C, SKIPPED), (B, SKIPPED)), start=1):
        memory = prompt.remember(memory, someone(simulator, clock), item, click)
    observation = prompt.read(memory)
    assert reader.texts == ["a nurse +A,B -C,B"]
    np.testing.assert_allclose(observation[0, 2:4], [0.3, 1.65], rtol=1e-5)  # (0, 1) / 4 + (0.6, 0.8) / 2 + (0, 1)
    np.testing.assert_allclose(observation[0, 4:], [3 / 5, 0, 0.2 * 0.64], rtol=1e-5)


def test_the_model_forgets_what_is_older_than_the_history_is_long(
    prompt: Prompt, reader: Reader, simulator: Simulator
) -> None:
    memory = prompt.arrive(someone(simulator))
    for item in (B, C):
        memory = prompt.remember(memory, someone(simulator), item, CLICKED)
    prompt.read(memory)
    assert reader.texts == ["a nurse +B,C -"]


def test_the_oracle_reads_back_as_the_users_it_shows(simulator: Simulator, plane: Catalog) -> None:
    oracle, users = Oracle(plane, max_steps=5), someone(simulator)
    for item, click in ((B, 0.0), (C, 1.0), (B, 1.0)):
        users, _ = simulator.step(users, item, np.array([click], np.float32))
        memory = oracle.remember(oracle.arrive(users), users, item, CLICKED)
        back = oracle.users(oracle.read(memory))
        for name, field in users._asdict().items():
            np.testing.assert_array_equal(getattr(back, name), field, err_msg=name)


def test_only_the_oracle_says_that_it_sees_the_true_state(task: Task, prompt: Prompt) -> None:
    seen = (task.observation.sees, prompt.sees, task.seeing_everything().observation.sees)
    assert seen == ("observed", "observed", "true state")


def test_the_items_shown_last_stand_with_their_answers_behind_the_other_blocks(
    plane: Catalog, simulator: Simulator
) -> None:
    pooled = Pooled(plane, np.array([[0, 1]], np.float32), max_steps=5, recent=2)
    recent, answers = pooled.layout["recent"], pooled.layout["answers"]
    assert (recent, answers) == (slice(7, 9), slice(9, 11))
    memory = pooled.arrive(someone(simulator))
    np.testing.assert_array_equal(pooled.read(memory)[:, 7:], [[-1, -1, 0, 0]])
    for clock, (item, click) in enumerate([(B, SKIPPED), (C, CLICKED), (B, CLICKED)], start=1):
        memory = pooled.remember(memory, someone(simulator, clock), item, click)
        told = pooled.read(memory)
    np.testing.assert_array_equal(told[:, recent], [[2, 1]])
    np.testing.assert_array_equal(told[:, answers], [[1, 1]])


def test_telling_recent_items_changes_no_other_block(plane: Catalog, simulator: Simulator) -> None:
    history = np.array([[0, 1]], np.float32)
    without, told = Pooled(plane, history, 5), Pooled(plane, history, 5, recent=3)
    read = [
        each.read(each.remember(each.arrive(someone(simulator)), someone(simulator, 1), C, CLICKED))
        for each in (without, told)
    ]
    np.testing.assert_array_equal(read[1][:, :7], read[0])


def test_of_a_slate_each_item_is_one_shown(plane: Catalog, simulator: Simulator) -> None:
    pooled = Pooled(plane, np.array([[0, 1]], np.float32), max_steps=5, recent=3)
    memory = pooled.arrive(someone(simulator))
    for slate, clicks in (([1, 2], [0, 1]), ([2, 0], [1, 0])):
        memory = pooled.remember(memory, someone(simulator, 1), np.array([slate]), np.array([clicks], np.float32))
    np.testing.assert_array_equal(pooled.read(memory)[:, 7:], [[2, 2, 0, 1, 1, 0]])


def test_less_than_no_recent_item_is_refused(plane: Catalog) -> None:
    with pytest.raises(ValueError, match="recent is -1, of 3 items; give 0"):
        Pooled(plane, np.zeros((1, 2), np.float32), 5, recent=-1)
