"""Which groups make a gamma sweep, and how it is drawn."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from recloop.experiments.gamma_sweep import gamma_curves, gamma_sweeps
from recloop.experiments.groups import Group, Trial
from recloop.experiments.planning_gap import GREEDY_ORACLE, judge
from recloop.experiments.sections import Section
from recloop.experiments.sessions import Played, Sessions
from recloop.experiments.statistics import estimate, interquartile_mean


def group(clicks: float, gamma: float | None, **keys: Any) -> Group:
    """Two seeds that reach about so many clicks with a discount."""
    agent = {"_target_": "recloop.agents.ppo.PPO"} | ({} if gamma is None else {"gamma": gamma})
    trials = []
    for seed in range(2):
        clicked = np.full((3, 1), clicks + seed, np.float32)
        sessions = Sessions(np.arange(3, dtype=np.int32), np.zeros((3, 1), np.int32), clicked, clicked)
        run: Any = SimpleNamespace(seed=seed, status="finished")
        trials.append(Trial(run, Played("PPO", "observed", True, (sessions,))))
    words = ", ".join(["PPO", f"agent.gamma={gamma}", *(f"{key}={value}" for key, value in keys.items())])
    return Group("PPO", {"agent": agent, **keys}, tuple(trials), words)


def section(*groups: Group) -> Section:
    played = tuple(one.played for one in groups if one.played)
    seeds = {
        one.key: np.repeat([[sessions.clicks.mean()] for sessions in one.sessions], 11, axis=1).astype(np.float64)
        for one in played
    }
    judgement = judge({key: interquartile_mean(drawn) for key, drawn in seeds.items()})
    return Section(groups, played, seeds, judgement, groups[0])


def test_groups_that_differ_in_their_discount_only_are_a_sweep_by_rising_discount() -> None:
    found = section(group(9, 0.99), group(1, 0), group(5, 0.9), group(7, 0.9, steps=7))
    (sweep,) = gamma_sweeps(found)
    assert sweep.name == "PPO"
    assert list(sweep.clicks) == [0, 0.9, 0.99]
    assert [clicks.value for clicks in sweep.clicks.values()] == [1.5, 5.5, 9.5]
    assert sweep.clicks[0.9] == estimate(interquartile_mean(found.seeds["PPO, agent.gamma=0.9", "observed"]))


def test_sweeps_that_share_other_keys_are_apart_and_named_by_them() -> None:
    short = [group(1, gamma, steps=7) for gamma in (0, 0.5, 0.9)]
    long = [group(1, gamma, steps=9) for gamma in (0, 0.5, 0.9)]
    assert [sweep.name for sweep in gamma_sweeps(section(*short, *long))] == ["PPO, steps=7", "PPO, steps=9"]


def test_a_number_in_the_label_is_no_part_of_the_name() -> None:
    keys = {"agent.gamma": "0.5", "agent.hidden": "[8, 8]"}
    numbered = [
        group(1, gamma)._replace(label=f"PPO #{number}", keys=keys) for number, gamma in enumerate((0, 0.5, 0.9))
    ]
    assert gamma_sweeps(section(*numbered))[0].name == "PPO, agent.hidden=[8, 8]"


def test_two_discounts_are_no_curve_and_agents_without_one_are_left_out() -> None:
    assert gamma_sweeps(section(group(1, 0), group(2, 0.9), group(3, None))) == []


def test_the_curve_is_the_same_bytes_when_made_again_and_names_agents_and_references() -> None:
    sweeps = gamma_sweeps(section(*(group(1, gamma) for gamma in (0, 0.9, 0.99))))
    svg = gamma_curves(sweeps, {GREEDY_ORACLE: 4.0})
    assert svg == gamma_curves(sweeps, {GREEDY_ORACLE: 4.0})
    assert 'aria-label="Gamma sweep' in svg
    assert svg != gamma_curves(sweeps, {})
