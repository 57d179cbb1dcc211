"""Groups of runs compared: what is set side by side, and what is said of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.experiments import sections as comparison
from recloop.experiments.compose import composed
from recloop.experiments.groups import Group, Trial, group
from recloop.experiments.planning_gap import GREEDY_ORACLE, PLANNER, RANDOM
from recloop.experiments.sections import Section, contrasts, groups_table, sections
from recloop.experiments.sessions import Curve, Played, Sessions
from recloop.experiments.stored import StoredRun
from tests.experiments.conftest import play

USERS, STEPS = 20, 10


def agent(share_clicked: float, seed: int) -> Played:
    """Sessions with that share of clicks, a little more or less by seed."""
    rng = np.random.default_rng(seed)
    clicks = (rng.random((USERS, STEPS)) < share_clicked).astype(np.float32)
    sessions = Sessions(np.arange(USERS, dtype=np.int32), np.zeros((USERS, STEPS), np.int32), clicks, clicks)
    curve = Curve(np.array([0, 1, 2, 3], np.int32), np.array([9, 1, 2, 6], np.float32))
    return Played("PPO", "observed", True, (sessions,), (curve,))


@pytest.fixture(scope="module")
def cfg() -> DictConfig:
    return composed(["run_dir=x"])


@pytest.fixture
def trials(cfg: DictConfig) -> Any:
    def make(share_clicked: float, seeds: int, **keys: Any) -> list[Trial]:
        made = []
        for seed in range(seeds):
            config = cfg.copy()
            config.seed = seed
            for key, value in keys.items():
                OmegaConf.update(config, key.replace("__", "."), value)
            run = StoredRun(Path("x"), config, {"status": "finished", "started": None, "ended": None})
            made.append(Trial(run, agent(share_clicked, seed)))
        return made

    return make


def compared(*trials: Trial) -> list[Section]:
    return sections([], group(trials), np.random.default_rng(0))


def test_the_base_has_most_seeds_and_then_most_ablations(trials: Any) -> None:
    (section,) = compared(
        *trials(0.5, 2, agent__gamma=0.9, steps=7), *trials(0.5, 2, steps=7), *trials(0.5, 2, steps=8), *trials(0.5, 1)
    )
    assert section.base.identity["steps"] == 7
    assert section.base.identity["agent"]["gamma"] != 0.9


def test_a_clear_lead_is_called_superior_and_the_key_is_named(trials: Any) -> None:
    (section,) = compared(*trials(0.3, 6), *trials(0.8, 5, agent__gamma=0.9))
    (found,) = contrasts(section)
    assert found.changed == {"agent.gamma": ("0.98", "0.9")}
    assert found.lead.low > 3
    assert (found.better.value, found.verdict) == (1, "superior")


def test_ablations_come_first_and_p_values_are_corrected_for_their_number(trials: Any) -> None:
    (pair,) = compared(*trials(0.5, 6), *trials(0.55, 5, agent__gamma=0.9))
    (three,) = compared(*trials(0.5, 6), *trials(0.5, 5, agent__gamma=0.8, steps=3), *trials(0.55, 5, agent__gamma=0.9))
    alone, (first, second) = contrasts(pair)[0], contrasts(three)
    assert (len(first.changed), len(second.changed)) == (1, 2)
    assert first.p_value == pytest.approx(min(1, 2 * alone.p_value))


def test_a_single_seed_is_not_tested(trials: Any) -> None:
    (section,) = compared(*trials(0.3, 3), *trials(0.8, 1, agent__gamma=0.9))
    (found,) = contrasts(section)
    assert np.isnan(found.p_value)
    assert found.verdict == "one seed tells nothing of others"


def test_other_users_and_other_luck_are_another_section(trials: Any) -> None:
    (first,) = trials(0.5, 1, agent__gamma=0.9)
    shifted = first.played.sessions[0]._replace(users=first.played.sessions[0].users + 1)
    elsewhere = first._replace(played=first.played._replace(sessions=(shifted,)))
    found = compared(*trials(0.5, 1), *trials(0.5, 1, evaluation__seed=7), elsewhere)
    assert [len(section.groups) for section in found] == [1, 1, 1]


def test_a_baseline_that_did_not_do_the_same_in_all_runs_is_left_out() -> None:
    same, other, planner = play(RANDOM, 0.1), play(RANDOM, 0.2), play(PLANNER, 0.9)
    assert [one.key for one in comparison._common([same, planner, same])] == [RANDOM, PLANNER]
    assert [one.key for one in comparison._common([same, planner, other])] == [PLANNER]


def test_the_table_has_what_each_group_reached(trials: Any) -> None:
    clicks = [float(agent(0.5, seed).sessions[0].clicks.sum(axis=1).mean()) for seed in range(4)]
    (section,) = compared(*trials(0.5, 4))
    (row,) = groups_table(section).to_dict("records")
    assert row["clicks_per_session"] == pytest.approx(np.mean(sorted(clicks)[1:3]))
    assert (row["mean"], row["median"]) == (pytest.approx(np.mean(clicks)), pytest.approx(np.median(clicks)))
    assert (row["worst_seed"], row["best_seed"]) == (pytest.approx(min(clicks)), pytest.approx(max(clicks)))
    assert row["final_window"] == 3  # the mean of 1, 2 and 6: not the best point, 9
    assert (row["seeds"], row["failed_seeds"], row["unfinished_seeds"]) == (4, 0, 0)
    best = np.mean(sorted(clicks)[1:3])
    assert row["optimality_gap"] == pytest.approx(np.mean([max(0, best - reached) for reached in clicks]))


def test_a_failed_seed_counts_as_the_worst_and_an_unfinished_one_is_counted(trials: Any) -> None:
    *whole, failed, unfinished = trials(0.5, 5)
    failed = Trial(failed.run._replace(manifest={**failed.run.manifest, "status": "failed"}), None)
    unfinished = Trial(unfinished.run._replace(manifest={**unfinished.run.manifest, "status": "running"}), None)
    (section,) = compared(*whole, failed, unfinished)
    (row,) = groups_table(section).to_dict("records")
    assert (row["seeds"], row["failed_seeds"], row["unfinished_seeds"]) == (4, 1, 1)
    per_user = np.array([trial.played.sessions[0].clicks.sum(axis=1) for trial in whole if trial.played])
    assert row["worst_seed"] == pytest.approx(per_user.min(axis=0).mean())


def test_without_a_greedy_oracle_nothing_is_better_than_it(trials: Any) -> None:
    (section,) = compared(*trials(0.5, 2))
    assert GREEDY_ORACLE not in section.seeds
    assert groups_table(section)["better_than_oracle"].isna().all()


def test_groups_that_cannot_be_told_apart_are_refused(trials: Any) -> None:
    one, other = group([*trials(0.5, 1), *trials(0.5, 1, steps=3)])
    twins: list[Group] = [one._replace(label="PPO"), other._replace(label="PPO")]
    with pytest.raises(ValueError, match="two policies are called PPO"):
        sections([], twins, np.random.default_rng(0))


def test_action_influence_is_taken_from_runs_that_say_the_same(tmp_path: Path) -> None:
    runs = [StoredRun(tmp_path / name, OmegaConf.create({}), {}) for name in "abc"]
    for run, said in zip(runs, ("0.0", "0.0", "1.0"), strict=True):
        run.folder.mkdir()
        (run.folder / "gap.json").write_text(f'{{"action_influence": {said}}}')
    assert comparison._influence(runs[:2]) == 0
    assert comparison._influence(runs) is None
    assert comparison._influence([]) is None
