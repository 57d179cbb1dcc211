"""The contract, over every dynamics, choice, reward and action that we ship.

The fast tests hold each dynamics against a choice and a reward in turn, and all dynamics at once against each choice
and each observation; the slow ones hold the products of dynamics, choices and rewards and of
dynamics, choices and actions, the rest in turn, and each dynamics with each other.
"""

import pkgutil
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

import recloop.envs
from recloop.envs.actions import Items
from recloop.envs.checks import check
from recloop.envs.dynamics import Drift, Part
from recloop.envs.rewards import Reward
from tests.envs.registry import ACTIONS, CHOICES, DYNAMICS, NUM_ITEMS, OBSERVATIONS, REWARDS, task

CONFIGS = Path(__file__).parents[2] / "configs" / "env"
PAGE = Path(__file__).parents[2] / "docs" / "dynamics.md"
EVERYTHING = tuple(DYNAMICS.values())


def in_turn(names: Mapping[str, object], number: int) -> str:
    return list(names)[number % len(names)]


TRIPLES = [(name, in_turn(CHOICES, n), in_turn(REWARDS, n)) for n, name in enumerate(DYNAMICS)]


@pytest.mark.parametrize(("dynamics", "choice", "reward"), TRIPLES)
def test_every_dynamics_keeps_the_contract(dynamics: str, choice: str, reward: str) -> None:
    check(task((DYNAMICS[dynamics],), CHOICES[choice], REWARDS[reward]))


@pytest.mark.parametrize("choice", CHOICES)
def test_all_dynamics_at_once_keep_the_contract(choice: str) -> None:
    check(task(EVERYTHING, CHOICES[choice]))


@pytest.mark.parametrize("observation", [name for name in OBSERVATIONS if name != "pooled"])
def test_every_observation_keeps_the_contract(observation: str) -> None:
    check(task(EVERYTHING, CHOICES["cascade"], observation=observation))


@pytest.mark.parametrize("choice", ["click", "cascade"])
@pytest.mark.parametrize("action", [name for name in ACTIONS if name != "item"])
def test_every_action_keeps_the_contract(action: str, choice: str) -> None:
    check(task((DYNAMICS["boredom"], DYNAMICS["drift"]), CHOICES[choice], action=action))


def test_a_slate_with_a_slot_for_ads_keeps_the_contract() -> None:
    served = task((DYNAMICS["ad_fatigue"],), CHOICES["cascade"], REWARDS["revenue"])
    ads = np.asarray(served.simulator.world.prices) > 0
    check(replace(served, slots=np.stack([~ads, ~ads, ads])))


def test_a_slot_for_ads_never_shows_one_twice_where_repeats_are_false() -> None:
    served = task((DYNAMICS["ad_fatigue"],), CHOICES["cascade"], REWARDS["revenue"])
    fits = np.ones((3, NUM_ITEMS), bool)
    fits[2, :3] = False
    check(replace(served, slots=fits, actions=Items(repeats=False)))


@pytest.mark.slow
@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("choice", CHOICES)
def test_every_dynamics_choice_and_reward_keep_the_contract(dynamics: str, choice: str) -> None:
    for number, reward in enumerate(REWARDS.values()):
        observation, action = in_turn(OBSERVATIONS, number), in_turn(ACTIONS, number)
        check(task((DYNAMICS[dynamics],), CHOICES[choice], reward, observation, action))


@pytest.mark.slow
@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("choice", CHOICES)
def test_every_dynamics_choice_and_action_keep_the_contract(dynamics: str, choice: str) -> None:
    for number, action in enumerate(ACTIONS):
        check(task((DYNAMICS[dynamics],), CHOICES[choice], REWARDS[in_turn(REWARDS, number)], action=action))


@pytest.mark.slow
@pytest.mark.parametrize("first", DYNAMICS)
def test_every_two_dynamics_keep_the_contract_together(first: str) -> None:
    for number, (name, second) in enumerate(DYNAMICS.items()):
        if name != first:
            check(task((DYNAMICS[first], second), CHOICES[in_turn(CHOICES, number)]))


def kinds(parent: type) -> set[type]:
    """The subclasses that we ship."""
    below: list[type] = parent.__subclasses__()
    return set(below).union(*map(kinds, below))


def test_every_part_that_we_ship_is_listed() -> None:
    for module in pkgutil.walk_packages(recloop.envs.__path__, "recloop.envs."):
        import_module(module.name)
    shipped = {kind for kind in kinds(Part) if kind.__module__.startswith("recloop.") and kind.__name__[0] != "_"}
    assert shipped == {type(part) for part in DYNAMICS.values()}


@pytest.mark.parametrize(("group", "listed"), [("dynamics", DYNAMICS), ("choice", CHOICES)])
def test_every_option_is_of_a_class_that_is_listed(group: str, listed: Mapping[str, object]) -> None:
    targets = re.findall(r"_target_: (.*)", "".join(path.read_text() for path in (CONFIGS / group).glob("*.yaml")))
    classes = {f"{type(part).__module__}.{type(part).__name__}" for part in listed.values()}
    recipes = {"recloop.envs.response.Fitted"}  # fits a choice on logs
    assert set(targets) - recipes <= classes


@pytest.mark.parametrize("name", DYNAMICS)
def test_every_dynamics_has_a_configuration_with_its_defaults_and_they_are_on_the_page(name: str) -> None:
    config: Any = OmegaConf.load(CONFIGS / "dynamics" / f"{name}.yaml")
    keys = {key: value for key, value in config[name].items() if key != "_target_"}
    assert keys == asdict(type(DYNAMICS[name])())  # type: ignore[call-overload]
    section = PAGE.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| ([\w.]+) \|", section, re.MULTILINE) == [
        (key, str(value)) for key, value in keys.items()
    ]


def test_every_observation_is_listed() -> None:
    assert set(OBSERVATIONS) == {path.stem for path in (CONFIGS / "observation").glob("*.yaml")}


def test_every_component_of_the_reward_is_listed() -> None:
    assert {name for reward in REWARDS.values() for name in reward.weights} == {field.name for field in fields(Reward)}


def test_without_return_taste_narrows_to_what_is_recommended() -> None:
    """The filter bubble needs no part of its own, only drift that does not return, and who serves what is liked."""
    assert strayed(Drift(rate=0.1, return_rate=0.0)) > 5 * strayed(Drift(rate=0.1, return_rate=0.5)) > 0


def strayed(drift: Drift) -> float:
    """How far taste is from the profile after 30 clicks on the best item, as 1 - cosine."""
    simulator = task((drift,)).simulator
    users = simulator.draw(200, np.random.default_rng(0))
    for _ in range(30):
        best = (users.taste @ simulator.world.vectors.T).argmax(axis=1)
        users = simulator.step(users, best, np.zeros(200, np.float32))[0]
    return float(1 - (users.taste * users.profile).sum(axis=1).mean())
