"""The contract holds for what we ship, and every planted fault is found by the check that is meant for it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from recloop.envs import checks
from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.checks import PROPERTIES, check
from recloop.envs.choice import Cascade, Choice, MultinomialLogit, PositionBias
from recloop.envs.dynamics import Drift, Event
from recloop.envs.observations import Pooled, Prompt
from recloop.envs.recommend import RecommendEnv
from recloop.envs.rewards import Reward, Step
from recloop.envs.sessions import Patience
from recloop.envs.simulator import Response, Simulator
from recloop.envs.task import Session, Task
from recloop.envs.users import Users
from recloop.envs.vector import RecommendVectorEnv

TASK = Task.synthetic(30, 4, max_steps=12)


def prompted() -> Prompt:
    """A user read by a language model that turns the length of a text into a vector."""
    items = TASK.observation.items

    def read(texts: Any) -> Floats:
        return items.vectors.take([len(text) % items.num_items for text in texts], axis=0)

    profiles = [f"user {number}" for number in range(500)]
    likes = np.random.default_rng(0).integers(30, size=(500, 3))
    return Prompt(items, read, lambda *parts: str(parts), profiles, likes, max_steps=12)


def of_slates(choice: Choice) -> Task:
    return replace(TASK, simulator=replace(TASK.simulator, choice=choice))


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        TASK.seeing_everything(),
        replace(TASK, observation=prompted()),
        replace(TASK, simulator=replace(TASK.simulator, dynamics=())),
        replace(TASK, reward=Reward(enjoyment=0, rating=-2, novelty=1, diversity=1, retention=3)),
        Task.synthetic(7, 2, max_steps=3, seed=5),
        of_slates(MultinomialLogit(3)),
        replace(of_slates(Cascade(3)), reward=Reward(novelty=1, diversity=1, rating=1)),
        replace(of_slates(PositionBias(2)), observation=prompted()),
    ],
    ids=["pooled", "oracle", "prompt", "static", "rewards", "tiny", "logit", "cascade", "position bias"],
)
def test_what_we_ship_keeps_the_contract(task: Task) -> None:
    check(task)


class FleeingTaste(Drift):
    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        return super().advance(users, own, event._replace(clicked=-event.clicked), world)


class AveragedClick(Drift):
    """SARDINE 1.0.8: a mean without an axis, so that taste moves to the vector of ones."""

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        mean = np.repeat(event.clicked.mean(axis=1, keepdims=True), world.dim, axis=1)
        return super().advance(users, own, event._replace(clicked=mean), world)


class GrowingTaste(Drift):
    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        return users._replace(taste=users.taste + np.float32(0.1) * event.clicked)


class CrowdTaste(Drift):
    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        crowd = event.shown * event.clicks.mean()
        return super().advance(users, own, event._replace(clicked=crowd), world)


class SwappedEndings(Patience):
    def ended(self, users: Users) -> Any:
        left, over = super().ended(users)
        return over, left


class EndlessSessions(Patience):
    def ended(self, users: Users) -> Any:
        left, over = super().ended(users)
        return left, np.zeros_like(over)


class StoppedClock(Patience):
    def advance(self, users: Users, click: Floats) -> Users:
        return super().advance(users, click)._replace(clock=users.clock)


class LastItemUnreachable(Simulator):
    def step(self, users: Users, items: Ints, noise: Floats) -> tuple[Users, Response]:
        return super().step(users, np.minimum(items, self.world.num_items - 2), noise)

    def respond(self, users: Users, items: Ints, noise: Floats) -> Response:
        return super().respond(users, np.minimum(items, self.world.num_items - 2), noise)


class EarlyItemsAreLiked(Simulator):
    """Quality hangs on the row of the item."""

    def step(self, users: Users, items: Ints, noise: Floats) -> tuple[Users, Response]:
        users, response = super().step(users, items, noise)
        return users, response._replace(enjoyment=np.where(items % 2, response.enjoyment, np.float32(0)))


class BiggerReward(Reward):
    def __call__(self, step: Step, world: Any) -> Floats:
        return super().__call__(step, world) * 3


class NanReward(Reward):
    def __call__(self, step: Step, world: Any) -> Floats:
        return np.where(step.users.clock == 2, np.float32(np.nan), super().__call__(step, world))


class ReusedArray(Pooled):
    def read(self, memory: Any) -> Floats:
        self.array: Floats = getattr(self, "array", memory.values.copy())
        if len(self.array) != len(memory.values):
            self.array = memory.values.copy()
        self.array[:] = memory.values
        return self.array


class LateInfinity(Pooled):
    def read(self, memory: Any) -> Floats:
        values = super().read(memory)
        values[values[:, self.layout["situation"]][:, 0] > 0.3, 0] = np.inf
        return values


class DoublePrecision(Pooled):
    def read(self, memory: Any) -> Any:
        return super().read(memory).astype(np.float64)


class HiddenTasteShown(Pooled):
    def arrive(self, users: Users) -> Any:
        memory = super().arrive(users)
        memory.values[:, self.layout["state"]] = users.taste
        return memory


class SharedStream(Simulator):
    """All environments draw from one stream, whatever their seed."""

    def draw(self, n: int, rng: np.random.Generator) -> Users:
        return super().draw(n, STREAM)


class SameForEverySeed(Simulator):
    def draw(self, n: int, rng: np.random.Generator) -> Users:
        return super().draw(n, np.random.default_rng(0))


STREAM = np.random.default_rng(0)


def simulating(**changes: Any) -> Task:
    return replace(TASK, simulator=replace(TASK.simulator, **changes))


def of_kind(kind: type[Simulator]) -> Task:
    simulator = TASK.simulator
    return replace(
        TASK,
        simulator=kind(simulator.world, simulator.population, simulator.choice, simulator.dynamics, simulator.sessions),
    )


def seen_as(kind: type[Pooled]) -> Task:
    population = TASK.simulator.population
    return replace(TASK, observation=kind(TASK.observation.items, population.tastes, 12))


@pytest.mark.parametrize(
    ("make", "property_"),
    [
        (lambda: simulating(dynamics=(FleeingTaste(),)), checks.a_click_moves_taste_towards_the_item),
        (lambda: simulating(dynamics=(AveragedClick(),)), checks.a_click_moves_taste_towards_the_item),
        (lambda: simulating(dynamics=(GrowingTaste(),)), checks.a_click_moves_taste_towards_the_item),
        (lambda: simulating(dynamics=(CrowdTaste(),)), checks.users_do_not_influence_each_other),
        (lambda: simulating(sessions=SwappedEndings(12)), checks.a_session_ends_in_time_and_by_the_right_name),
        (lambda: simulating(sessions=EndlessSessions(12)), checks.a_session_ends_in_time_and_by_the_right_name),
        (lambda: simulating(sessions=StoppedClock(12)), checks.a_session_ends_in_time_and_by_the_right_name),
        (lambda: of_kind(LastItemUnreachable), checks.every_item_can_be_recommended),
        (lambda: of_kind(EarlyItemsAreLiked), checks.permuting_items_permutes_results),
        (lambda: replace(TASK, reward=BiggerReward()), checks.the_reward_stays_within_its_bounds),
        (lambda: replace(TASK, reward=NanReward()), checks.the_reward_stays_within_its_bounds),
        (lambda: seen_as(ReusedArray), checks.an_observation_is_finite_of_one_shape_and_never_written_to_again),
        (lambda: seen_as(LateInfinity), checks.an_observation_is_finite_of_one_shape_and_never_written_to_again),
        (lambda: seen_as(DoublePrecision), checks.an_observation_is_finite_of_one_shape_and_never_written_to_again),
        (lambda: seen_as(HiddenTasteShown), checks.reading_tells_nothing_of_the_hidden_state),
        (lambda: of_kind(SharedStream), checks.the_same_seed_gives_the_same_bits_and_another_seed_others),
        (lambda: of_kind(SameForEverySeed), checks.the_same_seed_gives_the_same_bits_and_another_seed_others),
    ],
)
def test_a_faulty_task_is_found(make: Callable[[], Task], property_: Callable[[Task, int], None]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (whatever was seen)
        property_(make(), 0)
    with pytest.raises(ValueError, match="not so"):
        check(make())


class RewardOneStepLate(RecommendVectorEnv):
    before: Floats | None = None

    def step(self, actions: Ints) -> Any:
        observations, rewards, *rest = super().step(actions)
        late, self.before = self.before if self.before is not None else np.zeros_like(rewards), rewards
        return observations, late, *rest


class LastObservationLost(RecommendVectorEnv):
    def step(self, actions: Ints) -> Any:
        observations, *rest, info = super().step(actions)
        if info:
            for row in np.flatnonzero(info["_final_obs"]):
                info["final_obs"][row] = observations[row]
        return observations, *rest, info


class NextStepReset(RecommendVectorEnv):
    """Sessions that end are not replaced."""

    def step(self, actions: Ints) -> Any:
        after = self.task.step(self.session, actions, deepcopy(self.np_random).random(self.num_envs, np.float32))[0]
        _, *rest = super().step(actions)
        self.session = after
        return self.task.read(after), *rest


class ForgetfulState(RecommendVectorEnv):
    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "rng": np.random.default_rng(0).bit_generator.state}


class SharedState(RecommendVectorEnv):
    def set_state(self, state: Any) -> None:
        super().set_state(state)
        self.session = Session(
            self.session.users._replace(patience=self.session.users.patience * np.float32(0.5)), self.session.memory
        )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (RewardOneStepLate, "the single environment equals a batch of one"),
        (LastObservationLost, "the single environment equals a batch of one"),
        (NextStepReset, "the single environment equals a batch of one"),
        (ForgetfulState, "a state taken and put back"),
        (SharedState, "a state taken and put back"),
    ],
)
def test_a_faulty_batch_is_found(kind: type[RecommendVectorEnv], found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "RecommendVectorEnv", kind)
    with pytest.raises(ValueError, match=found):
        check(TASK)


@pytest.mark.parametrize("kind", [LastObservationLost, NextStepReset])
def test_a_faulty_autoreset_is_found_by_its_own_check(
    kind: type[RecommendVectorEnv], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "RecommendVectorEnv", kind)
    with pytest.raises(ValueError, match=r"last observation|new session"):
        checks.a_session_that_ends_is_replaced_within_the_step(TASK, 0)


class SwappedFlags(RecommendEnv):
    def step(self, action: np.int64) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, truncated, terminated, info


class OtherLuck(RecommendEnv):
    def step(self, action: np.int64) -> Any:
        self.np_random.random()
        return super().step(action)


class SeedIgnored(RecommendEnv):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(options=options)


@pytest.mark.parametrize("kind", [SwappedFlags, OtherLuck, SeedIgnored])
def test_a_faulty_single_environment_is_found(kind: type[RecommendEnv], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "RecommendEnv", kind)
    with pytest.raises(ValueError, match=r"gymnasium finds no fault|the single environment equals a batch of one"):
        check(TASK)


def test_an_error_on_the_way_is_told_with_the_property() -> None:
    @dataclass(frozen=True)
    class Broken(Drift):
        def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
            raise RuntimeError("no such column")

    with pytest.raises(ValueError, match="gymnasium finds no fault: not so: no such column"):
        check(simulating(dynamics=(Broken(),)))


def test_every_property_is_tried_once() -> None:
    public = {name for name, value in vars(checks).items() if getattr(value, "__module__", "") == checks.__name__}
    checked = {holds.__name__ for holds in PROPERTIES}
    assert len(checked) == len(PROPERTIES)
    assert {name for name in public if not name.startswith("_")} - checked == {"check"}
