"""What differs first between two makings of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recloop.experiments.checkpoints import save_weights
from recloop.experiments.comparison import first_in_journals, first_in_sessions, first_in_weights
from recloop.experiments.errors import UsageError
from recloop.experiments.sessions import Played, Sessions

ROWS = [{"row": 0, "steps": 0, "train/loss": 0.5}, {"row": 1, "steps": 64, "train/loss": 0.25, "clicks": 3.0}]


def played(**changed: Any) -> Played:
    sessions = Sessions(
        users=np.array([4, 7], np.int32),
        items=np.array([[1, 2], [3, -1]], np.int32),
        clicks=np.array([[1, 0], [1, 0]], np.float32),
        rewards=np.array([[0.5, 0], [0.5, 0]], np.float32),
    )
    return Played("PPO", "observed", True, (sessions._replace(**changed),))


def test_journals_of_the_same_values_do_not_differ() -> None:
    assert first_in_journals(ROWS, [dict(row) for row in ROWS]) is None


def test_the_first_row_and_key_are_named_with_both_values() -> None:
    other = [ROWS[0], {**ROWS[1], "train/loss": 0.125, "clicks": 4.0}]
    assert first_in_journals(ROWS, other) == "journal row 1 (steps 64), train/loss: 0.25 in the run, 0.125 here"


def test_the_last_bit_of_a_figure_counts() -> None:
    other = [ROWS[0], {**ROWS[1], "clicks": float(np.nextafter(3.0, 4.0))}]
    assert first_in_journals(ROWS, other) == (
        "journal row 1 (steps 64), clicks: 3.0 in the run, 3.0000000000000004 here"
    )


def test_a_figure_that_one_of_them_lacks_is_named() -> None:
    assert first_in_journals(ROWS[:1], [{"row": 0, "steps": 0}]) == (
        "journal row 0 (steps 0), train/loss: 0.5 in the run, missing here"
    )


def test_a_row_too_few_is_told_in_numbers() -> None:
    assert first_in_journals(ROWS, ROWS[:1]) == "journal: 2 rows in the run, 1 here"


def test_the_first_tensor_that_differs_is_named_with_how_far(tmp_path: Path) -> None:
    save_weights(tmp_path / "a", {"actor": torch.zeros(2), "critic": torch.tensor([1.0, 2.0])})
    save_weights(tmp_path / "b", {"actor": torch.zeros(2), "critic": torch.tensor([1.0, 2.5])})
    assert first_in_weights(tmp_path / "a", tmp_path / "b") == "weights: critic differs by up to 0.5"
    assert first_in_weights(tmp_path / "a", tmp_path / "a") is None


def test_weights_of_another_shape_are_told_by_their_shapes(tmp_path: Path) -> None:
    save_weights(tmp_path / "a", {"actor": torch.zeros(2)})
    save_weights(tmp_path / "b", {"actor": torch.zeros(3)})
    assert first_in_weights(tmp_path / "a", tmp_path / "b") == "weights: actor [2] in the run, [3] here"


def test_damaged_weights_are_refused_by_name(tmp_path: Path) -> None:
    save_weights(tmp_path / "a", {"actor": torch.zeros(2)})
    (tmp_path / "b").write_bytes(b"no weights")
    with pytest.raises(UsageError, match=f"^{tmp_path / 'b'}: damaged"):
        first_in_weights(tmp_path / "a", tmp_path / "b")


def test_the_first_step_that_went_another_way_is_named() -> None:
    other = played(items=np.array([[1, 2], [5, -1]], np.int32))
    assert first_in_sessions([played()], [other]) == (
        "sessions of PPO (observed), seed 0: items[1, 0] is 3 in the run, 5 here"
    )
    assert first_in_sessions([played()], [played()]) is None


def test_a_seed_that_failed_both_times_is_no_difference() -> None:
    failed = played(clicks=np.full((2, 2), np.nan, np.float32))
    assert first_in_sessions([failed], [failed]) is None
    assert first_in_sessions([played()], [failed]) == (
        "sessions of PPO (observed), seed 0: clicks[0, 0] is 1 in the run, nan here"
    )


def test_other_rows_in_the_table_are_told_by_name() -> None:
    renamed = played()._replace(policy="DQN")
    assert first_in_sessions([played()], [renamed]) == (
        "table: PPO (observed, 1 seeds) in the run, DQN (observed, 1 seeds) here"
    )
