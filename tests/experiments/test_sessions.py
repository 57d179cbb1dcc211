from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.experiments.errors import UsageError
from recloop.experiments.sessions import Curve, Played, Sessions, load_sessions, save_sessions


def sessions(seed: int, users: int = 3, steps: int = 4) -> Sessions:
    rng = np.random.default_rng(seed)
    return Sessions(
        users=np.arange(users, dtype=np.int32),
        items=rng.integers(-1, 9, (users, steps), dtype=np.int32),
        clicks=rng.integers(0, 2, (users, steps)).astype(np.float32),
        rewards=rng.random((users, steps), dtype=np.float32),
    )


def assert_same(one: Played, other: Played) -> None:
    assert one[:3] == other[:3]
    assert len(one.sessions) == len(other.sessions)
    assert len(one.curves) == len(other.curves)
    for mine, theirs in zip((*one.sessions, *one.curves), (*other.sessions, *other.curves), strict=True):
        for array, loaded in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(array, loaded)
            assert array.dtype == loaded.dtype


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    curve = Curve(np.array([0, 100], np.int32), np.array([1.5, 0.1], np.float32))
    played = [
        Played("random", "-", False, (sessions(0),)),
        Played("PPO", "observed", True, (sessions(1), sessions(2)), (curve, curve)),
        Played("PPO", "true state", True, (sessions(3),)),
    ]
    save_sessions(tmp_path / "episodes.parquet", played)
    for one, loaded in zip(played, load_sessions(tmp_path / "episodes.parquet"), strict=True):
        assert_same(one, loaded)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 5), st.integers(1, 4))
def test_any_number_of_policies_seeds_users_and_steps_comes_back(seeds: list[int], users: int, steps: int) -> None:
    played = [
        Played(f"policy {at}", "-", False, tuple(sessions(seed, users, steps) for seed in range(count)))
        for at, count in enumerate(seeds)
    ]
    with TemporaryDirectory() as folder:
        save_sessions(Path(folder) / "episodes.parquet", played)
        for one, loaded in zip(played, load_sessions(Path(folder) / "episodes.parquet"), strict=True):
            assert_same(one, loaded)


def test_a_failed_seed_stays_failed_on_disk(tmp_path: Path) -> None:
    failed = sessions(0)._replace(clicks=np.full((3, 4), np.nan, np.float32))
    save_sessions(tmp_path / "episodes.parquet", [Played("PPO", "observed", True, (failed,))])
    [loaded] = load_sessions(tmp_path / "episodes.parquet")
    assert np.isnan(loaded.sessions[0].clicks).all()


def test_the_file_holds_one_row_a_session_under_plain_names(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    save_sessions(tmp_path / "episodes.parquet", [Played("PPO", "observed", True, (sessions(1), sessions(2)))])
    rows = pq.read_table(tmp_path / "episodes.parquet").to_pylist()
    assert [(row["policy"], row["seed"], row["user"]) for row in rows] == [
        ("PPO", k, u) for k in (0, 1) for u in range(3)
    ]
    assert rows[0]["items"] == sessions(1).items[0].tolist()


def test_a_policy_without_sessions_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"PPO \(observed\) has a seed without sessions"):
        save_sessions(tmp_path / "episodes.parquet", [Played("PPO", "observed", True, ())])
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"episodes\.parquet: no such file"):
        load_sessions(tmp_path / "episodes.parquet")


@pytest.mark.parametrize("kept", [0, 10, -1])
def test_a_damaged_file_is_detected(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "episodes.parquet"
    save_sessions(path, [Played("PPO", "observed", True, (sessions(1),))])
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UsageError, match="not a whole file of sessions"):
        load_sessions(path)


def test_parquet_of_something_else_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(UsageError, match="not a whole file of sessions"):
        load_sessions(tmp_path / "other.parquet")
