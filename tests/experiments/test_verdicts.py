"""Identical, equivalent or different, on runs of two users whose figures can be worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from recloop.experiments.comparison import Comparison
from recloop.experiments.differences import Difference
from recloop.experiments.sessions import Played, Sessions, save_sessions
from recloop.experiments.stored import StoredRun
from recloop.experiments.verdicts import Outcome, judge

NUMPY = Difference("surroundings", "numpy", "2.0", "2.1")
DATA = Difference("inputs", "fingerprint of data", "d0", "d1")
GAMMA = Difference("edited", "config.json: agent.gamma", 0.9, 0.5)
SAME = Comparison(("journal (3 rows)", "weights"), None)
OTHER = Comparison(("journal (3 rows)", "weights"), "journal row 1 (steps 64), loss: 1.0 in the run, 2.0 here")


def stored(folder: Path, seed: int, clicks: list[float]) -> StoredRun:
    """A run in which every user clicked so often, in one session of one step each."""
    n = len(clicks)
    sessions = Sessions(
        users=np.arange(n, dtype=np.int32),
        items=np.zeros((n, 1), np.int32),
        clicks=np.array(clicks, np.float32)[:, None],
        rewards=np.zeros((n, 1), np.float32),
    )
    save_sessions(folder / "episodes.parquet", [Played("PPO", "observed", True, (sessions,))])
    (folder / "metrics.jsonl").write_bytes(b"")
    return StoredRun(folder, OmegaConf.create({"seed": seed, "suite": None, "run_dir": str(folder)}), {})


def outcome(
    folder: Path, *differences: Difference, comparison: Comparison = OTHER, seed: int = 0, apart: Any = (0.1, -0.1)
) -> Outcome:
    """A run with 10 clicks a session, made again with `apart` more of each user."""
    label = f"seed {seed}"
    was = stored(folder / f"was{seed}", seed, [10.0] * len(apart))
    here = stored(folder / f"here{seed}", seed, [10.0 + one for one in apart])
    return Outcome(label, was, here, differences, comparison)


def test_the_same_bits_are_identical_also_with_other_libraries(tmp_path: Path) -> None:
    (verdict,) = judge([outcome(tmp_path, NUMPY, comparison=SAME)], 0.05)
    assert str(verdict) == "identical: the same bits: journal (3 rows), weights"


def test_an_edited_run_is_different_whatever_comes_out(tmp_path: Path) -> None:
    told = "different: edited since the run was made: config.json: agent.gamma 0.9 in the run, 0.5 here; "
    (same,) = judge([outcome(tmp_path, GAMMA, comparison=SAME)], 0.05)
    (other,) = judge([outcome(tmp_path, GAMMA, NUMPY)], 0.05)
    assert str(same) == f"{told}the bits that came out are the same"
    assert str(other) == f"{told}first difference: {OTHER.first}"


def test_other_data_make_it_different_without_a_test(tmp_path: Path) -> None:
    (verdict,) = judge([outcome(tmp_path, DATA, NUMPY)], 0.05)
    assert verdict.word == "different"
    assert verdict.reason.startswith("other inputs: fingerprint of data d0 in the run, d1 here")
    assert verdict.test is None


def test_other_bits_without_a_reason_are_different(tmp_path: Path) -> None:
    (verdict,) = judge([outcome(tmp_path)], 0.05)
    assert str(verdict) == f"different: though all that is recorded is the same; first difference: {OTHER.first}"


def test_with_other_libraries_the_users_are_tested(tmp_path: Path) -> None:
    # users differ by 0.1 and -0.1: mean 0, standard error 0.1, t(0.95, 1 degree) = 6.314: interval ±0.63
    (verdict,) = judge([outcome(tmp_path, NUMPY)], 0.07)
    assert verdict.word == "equivalent"
    assert verdict.test is not None
    assert verdict.test.high == pytest.approx(0.6314, abs=1e-3)
    assert "within ±0.7 (7% of 10); 2 users, TOST" in verdict.reason
    assert verdict.reason.endswith(str(OTHER.first))


def test_what_is_not_shown_to_lie_within_the_margin_is_different(tmp_path: Path) -> None:
    (verdict,) = judge([outcome(tmp_path, NUMPY)], 0.05)
    assert verdict.word == "different"
    assert "not shown to lie within ±0.5 (5% of 10)" in verdict.reason


def test_three_seeds_are_tested_together(tmp_path: Path) -> None:
    # seeds differ by 0.1, 0.2 and 0.3: mean 0.2, standard error 0.1 / sqrt(3), t(0.95, 2 degrees) = 2.920
    found = [outcome(tmp_path, NUMPY, seed=seed, apart=(0.1 * (seed + 1),) * 2) for seed in range(3)]
    verdicts = judge(found, 0.05)
    assert [verdict.word for verdict in verdicts] == ["equivalent"] * 3
    test = verdicts[0].test
    assert test is not None
    assert test.n == 3
    assert test.mean == pytest.approx(0.2)
    assert test.high == pytest.approx(0.2 + 2.920 * 0.1 / 3**0.5, abs=1e-3)


def test_two_seeds_are_tested_one_by_one(tmp_path: Path) -> None:
    near, far = (outcome(tmp_path, NUMPY, seed=seed, apart=(apart, apart)) for seed, apart in ((0, 0.1), (1, 2.0)))
    assert [verdict.word for verdict in judge([near, far], 0.05)] == ["equivalent", "different"]


def test_runs_of_other_configurations_are_not_tested_together(tmp_path: Path) -> None:
    found = [outcome(tmp_path, NUMPY, seed=seed) for seed in range(3)]
    found[2].was.config.name = "another"
    assert [verdict.test.n for verdict in judge(found, 0.07) if verdict.test] == [2, 2, 2]
    assert all("2 users" in verdict.reason for verdict in judge(found, 0.07))


def test_other_users_cannot_be_equivalent(tmp_path: Path) -> None:
    met = outcome(tmp_path, NUMPY)
    (verdict,) = judge([met._replace(here=stored(tmp_path / "more", 0, [10.0] * 3))], 0.05)
    assert verdict.reason.startswith("other users were met")


def test_verdicts_come_in_the_order_of_the_runs(tmp_path: Path) -> None:
    tested, same = outcome(tmp_path, NUMPY, seed=0), outcome(tmp_path, NUMPY, seed=1, comparison=SAME)
    assert [verdict.word for verdict in judge([tested, same], 0.05)] == ["different", "identical"]
