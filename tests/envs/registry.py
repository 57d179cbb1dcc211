"""What the contract is tested on: every part, choice, reward, observation and action that we ship, by name.

A new one gets its tests by being listed here; `test_contract` fails where one is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np

from recloop.envs.actions import Actions, Candidates, Items, Proto
from recloop.envs.catalog import Floats
from recloop.envs.choice import Cascade, Choice, Click, MultinomialLogit, PositionBias
from recloop.envs.dynamics import Boredom, Drift, Part
from recloop.envs.observations import Collaborative, Observation, Pooled, Prompt
from recloop.envs.parts.ad_fatigue import AdFatigue
from recloop.envs.parts.daily_rhythm import DailyRhythm
from recloop.envs.parts.device import Device
from recloop.envs.parts.interest_shift import InterestShift
from recloop.envs.parts.popularity import PopularityPull
from recloop.envs.parts.repeats import Repeats
from recloop.envs.parts.satiation import Satiation
from recloop.envs.parts.satisfaction import Satisfaction
from recloop.envs.parts.timeout import TimeOut
from recloop.envs.parts.trust import Trust
from recloop.envs.privacy import Gaussian
from recloop.envs.rewards import Reward
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task, oracle_of

STEPS, NUM_ITEMS = 6, 24

DYNAMICS: dict[str, Part] = {
    "boredom": Boredom(),
    "drift": Drift(),
    "timeout": TimeOut(threshold=2, memory_steps=4, timeout_steps=2),
    "satiation": Satiation(),
    "satisfaction": Satisfaction(),
    "interest_shift": InterestShift(earliest_step=2, latest_step=5),
    "popularity": PopularityPull(),
    "trust": Trust(),
    "daily_rhythm": DailyRhythm(step_minutes=120),
    "device": Device(),
    "repeats": Repeats(memory_items=10),
    "ad_fatigue": AdFatigue(),
}
"""Named as in configs/env/dynamics/, set so that much happens in few steps."""

CHOICES: dict[str, Choice] = {
    "click": Click(scale=10, offset=0.55),
    "multinomial_logit": MultinomialLogit(slate=3, scale=10, offset=0.55),
    "cascade": Cascade(slate=3, scale=10, offset=0.55),
    "position_bias": PositionBias(slate=3, scale=10, offset=0.55),
}
"""Named as in configs/env/choice/: one item, and slates."""

REWARDS: dict[str, Reward] = {
    field.name: Reward(**{"enjoyment": 0.0, field.name: 1.0 if field.name != "rating" else -2.0})
    for field in fields(Reward)
}
"""Every component alone, one of them as a punishment."""

ACTIONS: dict[str, Actions] = {
    "item": Items(),
    "item, no repeats": Items(repeats=False),
    "candidates": Candidates(True, retrieved=4, drawn=2),
    "candidates, no repeats": Candidates(False, retrieved=3, drawn=3),
    "proto": Proto(),
    "proto, no repeats": Proto(repeats=False),
}
"""Named as in configs/env/action/, each with and without repeats."""

WORLD = Task.synthetic(num_items=NUM_ITEMS, dim=4, max_steps=STEPS)


def task(
    dynamics: Sequence[Part],
    choice: Choice = CHOICES["click"],
    reward: Reward | None = None,
    observation: str = "pooled",
    action: str = "item",
) -> Task:
    """A third of the items are ads, and everybody trusts somebody."""
    base = WORLD.simulator
    world = replace(base.world, prices=(np.arange(NUM_ITEMS) % 3 == 0) * np.float32(0.5))
    population = replace(base.population, trusted=np.roll(base.population.tastes, 1, axis=0))
    simulator = Simulator(world, population, choice, tuple(dynamics), base.sessions)
    return Task(simulator, OBSERVATIONS[observation](simulator), reward or Reward(), actions=ACTIONS[action])


def pooled(simulator: Simulator) -> Observation:
    return Pooled(simulator.world, simulator.population.tastes, STEPS, visible=simulator.visible)


def session(simulator: Simulator) -> Observation:
    return Pooled(simulator.world, simulator.population.tastes, STEPS, visible=simulator.visible, recent=3)


def private(simulator: Simulator) -> Observation:
    privacy = Gaussian(epsilon=10.0, delta=1e-4)
    return Pooled(simulator.world, simulator.population.tastes, STEPS, visible=simulator.visible, privacy=privacy)


def prompt(simulator: Simulator) -> Observation:
    """A language model that turns the length of a text into a vector."""
    world = simulator.world

    def read(texts: Sequence[str]) -> Floats:
        return world.vectors.take([len(text) % world.num_items for text in texts], axis=0)

    profiles = [f"user {number}" for number in range(len(simulator.population.tastes))]
    likes = np.random.default_rng(0).integers(world.num_items, size=(len(profiles), 3))
    return Prompt(world, read, lambda *parts: str(parts), profiles, likes, max_steps=STEPS, visible=simulator.visible)


def collaborative(simulator: Simulator) -> Observation:
    return Collaborative(simulator.world, simulator.population.tastes, STEPS, visible=simulator.visible)


OBSERVATIONS: dict[str, Callable[[Simulator], Observation]] = {
    "pooled": pooled,
    "session": session,
    "private": private,
    "prompt": prompt,
    "collaborative": collaborative,
    "oracle": oracle_of,
}
"""Named as in configs/env/observation/."""
