"""Faulty copies of the environment, each with the check that is meant to find it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from recloop.envs import checks, laws
from recloop.envs.catalog import Catalog, Floats, Ints
from recloop.envs.choice import Cascade, Choice, Click, MultinomialLogit, PositionBias
from recloop.envs.dynamics import Boredom, Drift, Event, Part
from recloop.envs.observations import Pooled
from recloop.envs.parts.device import Device
from recloop.envs.parts.interest_shift import InterestShift
from recloop.envs.parts.popularity import PopularityPull
from recloop.envs.parts.repeats import Repeats
from recloop.envs.parts.satiation import Satiation
from recloop.envs.parts.timeout import TimeOut
from recloop.envs.parts.trust import Trust
from recloop.envs.recommend import RecommendEnv
from recloop.envs.rewards import Reward, Step
from recloop.envs.sessions import Patience
from recloop.envs.simulator import Response, Simulator
from recloop.envs.task import Session, Task
from recloop.envs.users import Population, Users
from recloop.envs.vector import RecommendVectorEnv
from tests.envs import registry

STEPS = registry.STEPS


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


class UnscaledTrust(Trust):
    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        return users._replace(taste=users.taste + np.float32(0.05) * own)


class HalfwayShift(InterestShift):
    """The mean of two tastes, which is shorter than they are."""

    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        after = super().advance(users, own, event, world)
        return after._replace(profile=(users.profile + after.profile) * np.float32(0.5))


class CrowdSatiation(Satiation):
    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        after = super().remember(users, own, event, world)
        return np.broadcast_to(after.mean(axis=0), after.shape)


class SatiationInPlace(Satiation):
    """Writes into what it is handed."""

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        own[:] = super().remember(users, own, event, world)
        return own


class PatienceInPlace(Device):
    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        users.patience[:] = super().advance(users, own, event, world).patience
        return users


class NeighboursColumns(TimeOut):
    """Reads the columns of whoever is listed first."""

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        return super().cost(users, users.own, items, world)


class LostColumns(Satiation):
    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        return super().remember(users, own, event, world)[:, 1:]


class EndlessSatiation(Satiation):
    """Not finite after three steps."""

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        return np.where(users.clock[:, None] < 3, super().remember(users, own, event, world), np.float32(np.inf))


class FrozenClock(Device):
    def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
        return super().advance(users, own, event, world)._replace(clock=users.clock * 0)


class OwnDice(Device):
    """Draws by itself, so that no seed brings it back."""

    def begin(self, users: Users, noise: Floats, world: Catalog, population: Population) -> Floats:
        return super().begin(users, DICE.standard_normal(noise.shape, np.float32), world, population)


class PopularityOfTheRow(PopularityPull):
    """The order of the catalog for popularity."""

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        return np.float32(0.01) * items.astype(np.float32)


class MemoryOfTheRow(Repeats):
    """Takes neighbours in the catalog for repeats."""

    def cost(self, users: Users, own: Floats, items: Ints, world: Catalog) -> Floats:
        return np.maximum(super().cost(users, own, items, world), super().cost(users, own, items ^ 1, world))


class TellingDevice(Device):
    """Becomes a phone where the taste points up: the platform can read the taste from the device."""

    def remember(self, users: Users, own: Floats, event: Event, world: Catalog) -> Floats:
        return (users.taste[:, :1] > 0).astype(np.float32)


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


class AnswersAfterTheStep(Simulator):
    """A look into the future: affinity with the taste that the step leads to."""

    def step(self, users: Users, items: Ints, noise: Floats) -> tuple[Users, Response]:
        after, response = super().step(users, items, noise)
        return after, super().respond(users._replace(taste=after.taste), items, noise)._replace(click=response.click)


class RolledSlates(Simulator):
    """Answers stand one position off."""

    def step(self, users: Users, items: Ints, noise: Floats) -> tuple[Users, Response]:
        return super().step(users, np.roll(items, 1, axis=1), noise)


class LuckyPlanners(Simulator):
    """An expected step that draws."""

    def expected_step(self, users: Users, items: Ints) -> tuple[Users, Response]:
        return super().step(users, items, np.full(items.shape, 0.5, np.float32))


class SharedStream(Simulator):
    """All environments draw from one stream, whatever their seed."""

    def draw(self, n: int, rng: np.random.Generator) -> Users:
        return super().draw(n, DICE)


class SameForEverySeed(Simulator):
    def draw(self, n: int, rng: np.random.Generator) -> Users:
        return super().draw(n, np.random.default_rng(0))


class CostIsWelcome(Click):
    """The wrong sign."""

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        return super().answer(affinity, -cost, quality, noise)


class QualityRepels(PositionBias):
    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        return super().answer(affinity, cost, -quality, noise)


class ReadsOnAfterAClick(Cascade):
    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        attraction = 1 / (1 + np.exp(-self.scale * (affinity - cost - self.offset) - quality))
        return super().answer(affinity, cost, quality, noise)[0], (noise < attraction).astype(np.float32)


class UnluckyClicks(MultinomialLogit):
    """Squares the noise, as in drawing twice and keeping the least."""

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        return super().answer(affinity, cost, quality, noise**2)


class BiggerReward(Reward):
    def __call__(self, step: Step, world: Catalog) -> Floats:
        return super().__call__(step, world) * 3


class NanReward(Reward):
    def __call__(self, step: Step, world: Catalog) -> Floats:
        return np.where(step.users.clock == 2, np.float32(np.nan), super().__call__(step, world))


class RatingOfTheWholeSlate(Reward):
    """A sum where the bounds are those of a mean."""

    def __call__(self, step: Step, world: Catalog) -> Floats:
        reward: Floats = super().__call__(step, world) * step.items.shape[1]
        return reward


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


class HiddenChangeShown(Pooled):
    """The context is that of the columns beside: what users will like after the shift."""

    def __init__(self, items: Catalog, history: Floats, max_steps: int, visible: Ints) -> None:
        super().__init__(items, history, max_steps, visible=visible - 1)


class StaleContext(Pooled):
    """The context of arrival, at every step."""

    def remember(self, memory: Any, users: Users, items: Ints, click: Floats) -> Any:
        now = super().remember(memory, users, items, click)
        now.values[:, self.layout["context"]] = memory.values[:, self.layout["context"]]
        return now


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
        luck = deepcopy(self.np_random).random(actions.shape, np.float32)
        after = self.task.step(self.session, actions, luck)[0]
        _, *rest = super().step(actions)
        self.session = after
        return self.task.read(after), *rest


class ForgetfulState(RecommendVectorEnv):
    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "rng": np.random.default_rng(0).bit_generator.state}


class SharedState(RecommendVectorEnv):
    def set_state(self, state: Any) -> None:
        super().set_state(state)
        users = self.session.users
        self.session = Session(users._replace(patience=users.patience * np.float32(0.5)), self.session.memory)


class OwnColumnsForgotten(RecommendVectorEnv):
    """What the dynamics remember is not put back."""

    def set_state(self, state: Any) -> None:
        super().set_state(state)
        self.session.users.own[:] = 0


class LuckOfTheFirstStep(RecommendVectorEnv):
    """The noise of one step serves them all."""

    def step(self, actions: Ints) -> Any:
        if not hasattr(self, "luck"):
            self.luck = self.np_random.bit_generator.state
        self.np_random.bit_generator.state = self.luck
        return super().step(actions)


class LuckInCommon(RecommendVectorEnv):
    """One draw for all users."""

    def step(self, actions: Ints) -> Any:
        drawn, self._np_random = self._np_random, _Common(self._np_random)  # type: ignore[assignment]
        try:
            return super().step(actions)
        finally:
            self._np_random = drawn


class _Common:
    def __init__(self, rng: Any) -> None:
        self.rng = rng

    def random(self, shape: Any, *rest: Any) -> Any:
        return self.rng.random(shape, *rest) if isinstance(shape, int) else self._one_for_all(shape, *rest)

    def _one_for_all(self, shape: tuple[int, ...], *rest: Any) -> Any:
        return np.repeat(self.rng.random((1, *shape[1:]), *rest), shape[0], axis=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rng, name)


class AnySlateGoes(RecommendVectorEnv):
    """Slates that name an item twice are shown."""

    def step(self, actions: Ints) -> Any:
        return super().step((actions + np.arange(actions.shape[1])) % 18 if len(set(actions[0])) == 1 else actions)


class LastItemForMinusOne(RecommendEnv):
    def step(self, action: Any) -> Any:
        return super().step(action % self.task.simulator.world.num_items)


class SwappedFlags(RecommendEnv):
    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, truncated, terminated, info


class OtherLuck(RecommendEnv):
    def step(self, action: Any) -> Any:
        self.np_random.random()
        return super().step(action)


class SeedIgnored(RecommendEnv):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(options=options)


DICE = np.random.default_rng(0)


@dataclass(frozen=True)
class Fault:
    """One planted fault."""

    found_by: Callable[[Task, int], None]
    task: Callable[[], Task] = lambda: playing()
    environments: dict[str, type] = field(default_factory=dict)
    """What stands for those of `checks`, by name."""

    default: ClassVar[tuple[Part, ...]] = (Boredom(), Drift())


def playing(*dynamics: Part, choice: Choice = registry.CHOICES["click"], reward: Reward | None = None) -> Task:
    return registry.task(dynamics or Fault.default, choice, reward)


def ending(sessions: Patience) -> Task:
    task = playing()
    return replace(task, simulator=replace(task.simulator, sessions=sessions))


def of_kind(kind: type[Simulator], choice: str = "click") -> Task:
    task = playing(choice=registry.CHOICES[choice])
    parts = {name: getattr(task.simulator, name) for name in ("world", "population", "choice", "dynamics", "sessions")}
    return replace(task, simulator=kind(**parts))


def seen_as(kind: Any, *dynamics: Part) -> Task:
    task = playing(*dynamics)
    simulator = task.simulator
    visible = {"visible": simulator.visible} if dynamics else {}
    return replace(task, observation=kind(simulator.world, simulator.population.tastes, STEPS, **visible))


def in_batch(kind: type[RecommendVectorEnv], found_by: Any, task: Callable[[], Task] = playing) -> Fault:
    return Fault(found_by, task, {"RecommendVectorEnv": kind})


def alone(kind: type[RecommendEnv], found_by: Any) -> Fault:
    return Fault(found_by, environments={"RecommendEnv": kind})


LOGIT: dict[str, Any] = {"slate": 3, "scale": 10.0, "offset": 0.55}

FAULTS: dict[str, Fault] = {
    "FleeingTaste": Fault(checks.a_click_moves_taste_towards_the_item, lambda: playing(FleeingTaste())),
    "AveragedClick": Fault(checks.a_click_moves_taste_towards_the_item, lambda: playing(AveragedClick())),
    "GrowingTaste": Fault(
        laws.what_the_dynamics_remember_is_finite_and_tastes_are_unit, lambda: playing(GrowingTaste())
    ),
    "CrowdTaste": Fault(checks.users_do_not_influence_each_other, lambda: playing(CrowdTaste())),
    "UnscaledTrust": Fault(
        laws.what_the_dynamics_remember_is_finite_and_tastes_are_unit, lambda: playing(UnscaledTrust())
    ),
    "HalfwayShift": Fault(
        laws.what_the_dynamics_remember_is_finite_and_tastes_are_unit, lambda: playing(HalfwayShift(2, 4))
    ),
    "CrowdSatiation": Fault(checks.users_do_not_influence_each_other, lambda: playing(CrowdSatiation())),
    "SatiationInPlace": Fault(laws.a_step_leaves_what_it_is_handed_as_it_is, lambda: playing(SatiationInPlace())),
    "PatienceInPlace": Fault(laws.a_step_leaves_what_it_is_handed_as_it_is, lambda: playing(PatienceInPlace())),
    "NeighboursColumns": Fault(
        laws.a_part_reads_only_what_is_its_own, lambda: playing(NeighboursColumns(threshold=1, timeout_steps=2))
    ),
    "LostColumns": Fault(laws.what_the_dynamics_remember_is_finite_and_tastes_are_unit, lambda: playing(LostColumns())),
    "EndlessSatiation": Fault(
        laws.what_the_dynamics_remember_is_finite_and_tastes_are_unit, lambda: playing(EndlessSatiation())
    ),
    "FrozenClock": Fault(checks.a_session_ends_in_time_and_by_the_right_name, lambda: playing(FrozenClock())),
    "OwnDice": Fault(checks.the_same_seed_gives_the_same_bits_and_another_seed_others, lambda: playing(OwnDice())),
    "PopularityOfTheRow": Fault(checks.permuting_items_permutes_results, lambda: playing(PopularityOfTheRow())),
    "MemoryOfTheRow": Fault(checks.permuting_items_permutes_results, lambda: playing(MemoryOfTheRow())),
    "TellingDevice": Fault(checks.reading_tells_nothing_of_the_hidden_state, lambda: playing(TellingDevice())),
    "SwappedEndings": Fault(checks.a_session_ends_in_time_and_by_the_right_name, lambda: ending(SwappedEndings(STEPS))),
    "EndlessSessions": Fault(
        checks.a_session_ends_in_time_and_by_the_right_name, lambda: ending(EndlessSessions(STEPS))
    ),
    "StoppedClock": Fault(checks.a_session_ends_in_time_and_by_the_right_name, lambda: ending(StoppedClock(STEPS))),
    "LastItemUnreachable": Fault(checks.every_item_can_be_recommended, lambda: of_kind(LastItemUnreachable)),
    "LastItemUnreachableInSlates": Fault(
        checks.every_item_can_be_recommended, lambda: of_kind(LastItemUnreachable, "cascade")
    ),
    "EarlyItemsAreLiked": Fault(checks.permuting_items_permutes_results, lambda: of_kind(EarlyItemsAreLiked)),
    "AnswersAfterTheStep": Fault(
        laws.the_answer_follows_from_the_taste_before_the_step, lambda: of_kind(AnswersAfterTheStep)
    ),
    "RolledSlates": Fault(
        laws.the_answer_follows_from_the_taste_before_the_step, lambda: of_kind(RolledSlates, "position_bias")
    ),
    "LuckyPlanners": Fault(laws.clicks_come_as_often_as_they_are_likely, lambda: of_kind(LuckyPlanners)),
    "SharedStream": Fault(
        checks.the_same_seed_gives_the_same_bits_and_another_seed_others, lambda: of_kind(SharedStream)
    ),
    "SameForEverySeed": Fault(
        checks.the_same_seed_gives_the_same_bits_and_another_seed_others, lambda: of_kind(SameForEverySeed)
    ),
    "CostIsWelcome": Fault(
        laws.what_appeals_more_is_clicked_more_and_a_cost_prevents_it,
        lambda: playing(choice=CostIsWelcome(scale=10, offset=0.55)),
    ),
    "QualityRepels": Fault(
        laws.what_appeals_more_is_clicked_more_and_a_cost_prevents_it, lambda: playing(choice=QualityRepels(**LOGIT))
    ),
    "ReadsOnAfterAClick": Fault(
        laws.clicks_come_as_often_as_they_are_likely, lambda: playing(choice=ReadsOnAfterAClick(**LOGIT))
    ),
    "UnluckyClicks": Fault(
        laws.clicks_come_as_often_as_they_are_likely, lambda: playing(choice=UnluckyClicks(**LOGIT))
    ),
    "BiggerReward": Fault(checks.the_reward_stays_within_its_bounds, lambda: playing(reward=BiggerReward())),
    "NanReward": Fault(checks.the_reward_stays_within_its_bounds, lambda: playing(reward=NanReward())),
    "RatingOfTheWholeSlate": Fault(
        checks.the_reward_stays_within_its_bounds,
        lambda: playing(choice=registry.CHOICES["cascade"], reward=RatingOfTheWholeSlate(enjoyment=0, rating=1)),
    ),
    "ReusedArray": Fault(
        checks.an_observation_is_finite_of_one_shape_and_never_written_to_again, lambda: seen_as(ReusedArray)
    ),
    "LateInfinity": Fault(
        checks.an_observation_is_finite_of_one_shape_and_never_written_to_again, lambda: seen_as(LateInfinity)
    ),
    "DoublePrecision": Fault(
        checks.an_observation_is_finite_of_one_shape_and_never_written_to_again, lambda: seen_as(DoublePrecision)
    ),
    "HiddenTasteShown": Fault(checks.reading_tells_nothing_of_the_hidden_state, lambda: seen_as(HiddenTasteShown)),
    "HiddenChangeShown": Fault(
        checks.reading_tells_nothing_of_the_hidden_state,
        lambda: seen_as(HiddenChangeShown, InterestShift(2, 4), Device()),
    ),
    "StaleContext": Fault(
        checks.the_context_that_is_seen_is_that_of_the_user,
        lambda: seen_as(StaleContext, registry.DYNAMICS["daily_rhythm"]),
    ),
    "RewardOneStepLate": in_batch(RewardOneStepLate, checks.the_single_environment_equals_a_batch_of_one),
    "LastObservationLost": in_batch(LastObservationLost, checks.a_session_that_ends_is_replaced_within_the_step),
    "NextStepReset": in_batch(NextStepReset, checks.a_session_that_ends_is_replaced_within_the_step),
    "ForgetfulState": in_batch(ForgetfulState, checks.a_state_taken_and_put_back_replays_the_same_bits),
    "SharedState": in_batch(SharedState, checks.a_state_taken_and_put_back_replays_the_same_bits),
    "OwnColumnsForgotten": in_batch(
        OwnColumnsForgotten, checks.a_state_taken_and_put_back_replays_the_same_bits, lambda: playing(TimeOut())
    ),
    "LuckOfTheFirstStep": in_batch(LuckOfTheFirstStep, checks.luck_is_drawn_anew_for_every_user_step_and_position),
    "LuckInCommon": in_batch(LuckInCommon, checks.luck_is_drawn_anew_for_every_user_step_and_position),
    "AnySlateGoes": in_batch(
        AnySlateGoes,
        checks.a_recommendation_that_cannot_be_is_refused,
        lambda: playing(choice=registry.CHOICES["multinomial_logit"]),
    ),
    "LastItemForMinusOne": alone(LastItemForMinusOne, checks.a_recommendation_that_cannot_be_is_refused),
    "SwappedFlags": alone(SwappedFlags, checks.the_single_environment_equals_a_batch_of_one),
    "OtherLuck": alone(OtherLuck, checks.the_single_environment_equals_a_batch_of_one),
    "SeedIgnored": alone(SeedIgnored, checks.the_single_environment_equals_a_batch_of_one),
}
