"""Which runs are seeds of one group, and what groups are called."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.experiments.compose import composed
from recloop.experiments.groups import Trial, differences, group
from recloop.experiments.sessions import Curve
from recloop.experiments.stored import StoredRun
from tests.experiments.conftest import play


@pytest.fixture(scope="module")
def cfg() -> DictConfig:
    return composed(["run_dir=x"])


@pytest.fixture
def trial(cfg: DictConfig) -> Any:
    def make(seed: int = 0, status: str = "finished", policy: str = "PPO", folder: str = "x", **keys: Any) -> Trial:
        config = cfg.copy()
        config.seed, config.run_dir = seed, folder
        for key, value in keys.items():
            OmegaConf.update(config, key.replace("__", "."), value)
        played = play((policy, "observed"), 0.5, 1) if status == "finished" else None
        return Trial(StoredRun(Path(folder), config, {"status": status}), played)

    return make


def labels(*trials: Trial) -> list[str]:
    return [one.label for one in group(trials)]


def test_runs_that_differ_in_seed_and_place_only_are_one_group(trial: Any) -> None:
    (one,) = group([trial(2, folder="b"), trial(1, folder="a"), trial(0, folder="c", threads=2)])
    assert [member.run.seed for member in one.trials] == [0, 1, 2]
    assert one.label == "PPO"


def test_what_differs_is_in_the_label(trial: Any) -> None:
    assert labels(trial(), trial(agent__gamma=0.9)) == ["PPO, agent.gamma=0.98", "PPO, agent.gamma=0.9"]


def test_other_policies_do_not_lengthen_a_label(trial: Any) -> None:
    assert labels(trial(), trial(policy="DQN", agent__gamma=0.9)) == ["PPO", "DQN"]


def test_labels_too_long_to_read_become_numbers_and_keep_their_keys(trial: Any) -> None:
    keys = {"agent__gamma": 0.9, "agent__gae_lambda": 0.9, "agent__clip_range": 0.1}
    one, other = group([trial(), trial(**keys)])
    assert (one.label, other.label) == ("PPO #1", "PPO #2")
    assert other.keys == {"agent.gamma": "0.9", "agent.gae_lambda": "0.9", "agent.clip_range": "0.1"}


def test_one_and_one_point_zero_are_the_same_setting(trial: Any) -> None:
    assert labels(trial(0, agent__gamma=1), trial(1, agent__gamma=1.0)) == ["PPO"]


def test_an_unfinished_seed_belongs_to_the_group_of_its_configuration(trial: Any) -> None:
    (one,) = group([trial(0, "interrupted"), trial(1, policy="PPO reads words")])
    assert one.policy == "PPO reads words"
    assert len(one.trials) == 2
    assert one.played is not None
    assert len(one.played.sessions) == 1


def test_a_failed_seed_counts_and_an_interrupted_one_does_not(trial: Any) -> None:
    (one,) = group([trial(0), trial(1, "failed"), trial(2, "interrupted"), trial(3, "running")])
    assert one.played is not None
    assert [bool(np.isnan(sessions.clicks).all()) for sessions in one.played.sessions] == [False, True]
    assert len(one.played.curves) == 1


def test_a_seed_that_was_run_twice_counts_once_and_as_the_run_that_finished(trial: Any) -> None:
    (one,) = group([trial(0, "interrupted", folder="a"), trial(0, folder="b"), trial(0, folder="c")])
    assert [member.run.folder for member in one.trials] == [Path("b")]


def test_a_group_that_has_not_finished_has_played_nothing(trial: Any) -> None:
    (one,) = group([trial(0, "running")])
    assert one.played is None
    assert one.policy == "PPOAgent"


def test_curves_without_a_common_step_are_not_shown(trial: Any) -> None:
    odd = trial(1)
    curve = Curve(np.array([3], np.int32), np.array([1], np.float32))
    odd = odd._replace(played=odd.played._replace(curves=(curve,)))
    (one,) = group([trial(0), odd])
    assert one.played is not None
    assert one.played.curves == ()


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, {"a.b": ("1", "3")}),
        ({"a": {"b": 1}}, {}, {"a": ("other keys", "none")}),
        (
            {"a": {"_target_": "recloop.envs.x.Old", "b": 1}},
            {"a": {"_target_": "recloop.envs.x.New", "b": 2, "c": 3}},
            {"a": ("Old", "New")},
        ),
        ({"a": {"_target_": "x.Old", "b": 1}}, {"a": {"_target_": "x.Old", "b": 2}}, {"a.b": ("1", "2")}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"a": ("[1, 2]", "[1, 3]")}),
    ],
)
def test_differences_are_named_by_key_and_a_part_of_another_class_is_one(
    one: dict[str, Any], other: dict[str, Any], found: dict[str, tuple[str, str]]
) -> None:
    assert differences(one, other) == found


def test_minutes_are_from_start_to_end(trial: Any) -> None:
    times = {"started": "2026-11-22T22:28:00+00:00", "ended": "2026-11-22T22:29:30+00:00"}
    one = trial()
    assert one._replace(run=one.run._replace(manifest=times)).minutes == 1.5


@pytest.mark.parametrize("ended", [None, "yesterday", "2026-11-22T22:29:30"])
def test_a_run_without_a_proper_end_has_no_minutes(trial: Any, ended: str | None) -> None:
    one = trial()
    facts = {"started": "2026-11-22T22:28:00+00:00", "ended": ended}
    assert math.isnan(one._replace(run=one.run._replace(manifest=facts)).minutes)
