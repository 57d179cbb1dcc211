"""Every planted fault is found, by the check that is meant for it; what we ship passes, see `test_contract`."""

import warnings

import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from recloop.envs import checks
from recloop.envs.catalog import Catalog, Floats
from recloop.envs.checks import PROPERTIES, check
from recloop.envs.dynamics import Drift, Event
from recloop.envs.laws import LAWS
from recloop.envs.recommend import RecommendEnv
from recloop.envs.task import Task
from recloop.envs.users import Users
from tests.envs.faults import FAULTS, Fault, playing


def plant(fault: Fault, patch: pytest.MonkeyPatch) -> Task:
    for name, kind in fault.environments.items():
        patch.setattr(checks, name, kind)
    return fault.task()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_by_the_check_that_is_meant_for_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = plant(FAULTS[name], monkeypatch)
    with pytest.raises(ValueError):  # noqa: PT011 (whatever was seen)
        FAULTS[name].found_by(task, 0)


def test_all_planted_faults_are_found_and_there_are_at_least_25(capsys: pytest.CaptureFixture[str]) -> None:
    missed = [name for name, fault in FAULTS.items() if not found(fault)]
    with capsys.disabled():
        print(f"\nrecloop's checks find {len(FAULTS) - len(missed)} of {len(FAULTS)} planted faults")
    assert not missed
    assert len(FAULTS) >= 25


def found(fault: Fault) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        task = plant(fault, patch)
        try:
            check(task)
        except ValueError as seen:  # and not because the fault broke down by itself
            return isinstance(seen.__cause__, ValueError | AssertionError | UserWarning)
    return False


@pytest.mark.slow
def test_the_stock_checkers_find_a_part_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Gymnasium's and stable-baselines3's look at single environments, warnings being errors."""
    seen = [name for name, fault in FAULTS.items() if found_by_stock(fault)]
    with capsys.disabled():
        print(f"\nGymnasium's and stable-baselines3's checkers find {len(seen)} of them: {', '.join(seen)}")
    assert len(seen) < len(FAULTS)


def found_by_stock(fault: Fault) -> bool:
    kind = fault.environments.get("RecommendEnv", RecommendEnv)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gymnasium_check(kind(fault.task()), skip_render_check=True)
            sb3_check(kind(fault.task()), skip_render_check=True)
    except (Exception, Warning):
        return True
    return False


def test_the_stock_checkers_pass_what_we_ship() -> None:
    assert not found_by_stock(Fault(checks.gymnasium_finds_no_fault))


def test_a_static_world_and_a_tiny_one_keep_the_contract() -> None:
    check(playing())
    check(Task.synthetic(7, 2, max_steps=3, seed=5))


def test_an_error_on_the_way_is_told_with_the_property() -> None:
    class Broken(Drift):
        def advance(self, users: Users, own: Floats, event: Event, world: Catalog) -> Users:
            raise RuntimeError("no such column")

    with pytest.raises(ValueError, match="gymnasium finds no fault: not so: no such column"):
        check(playing(Broken()))


def test_every_property_is_tried_once() -> None:
    public = {name for name, value in vars(checks).items() if getattr(value, "__module__", "") == checks.__name__}
    checked = [holds.__name__ for holds in PROPERTIES]
    assert len(set(checked)) == len(PROPERTIES)
    assert {name for name in public if not name.startswith("_")} - set(checked) == {"Finding", "check", "findings"}
    assert set(LAWS) <= set(PROPERTIES)
