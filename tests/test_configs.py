"""Every option of every config group composes and describes what may be built, with arguments that it takes."""

from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.experiments.build import PARTS, assets, check_targets
from recloop.experiments.compose import composed
from recloop.experiments.inputs import check
from recloop.experiments.run import TOLD
from recloop.experiments.suite import cells

CONFIGS = Path(__file__).parents[1] / "configs"
FILES = sorted(path.relative_to(CONFIGS).with_suffix("") for path in CONFIGS.glob("*/**/*.yaml"))
OPTIONS = [
    (str(path.parent), path.name)
    for path in FILES
    if not str(path).startswith(("hydra", "experiment", "sweep", "env/dynamics"))  # dynamics is a list of options
]
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


@pytest.fixture(scope="module")
def default() -> DictConfig:
    return composed([])


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recloop.experiments.build.fetch", None)


def assert_described(cfg: DictConfig) -> None:
    """All parts name a class that may be built, with arguments that it takes."""
    optional = [f"env.{name}" for name in ("ads", "feedback") if cfg.env.get(name) is not None]
    for key in (*(f"env.dynamics.{name}" for name in cfg.env.dynamics), *optional, *PARTS):
        check_targets(OmegaConf.select(cfg, key), key)


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda value: value)
def test_every_option_composes_and_describes_what_may_be_built(group: str, option: str) -> None:
    assert_described(composed([f"{group}={option}"]))


@pytest.mark.parametrize("option", sorted(path.stem for path in (CONFIGS / "env" / "dynamics").glob("*.yaml")))
def test_every_dynamics_composes_alone(option: str) -> None:
    cfg = composed([f"env/dynamics=[{option}]"])
    assert list(cfg.env.dynamics) == [option]
    assert_described(cfg)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_and_each_of_its_cells_would_run(name: str) -> None:
    cfg = composed([f"experiment={name}"])
    assert cfg.name == name
    check(cfg)
    if cfg.suite is not None:
        assert len(cells(cfg.suite, [f"experiment={name}"])) == len(cfg.suite.cells) * len(cfg.suite.seeds)


def test_the_default_would_run(default: DictConfig) -> None:
    check(default)


def test_every_group_is_named_after_a_key_of_the_configuration(default: DictConfig) -> None:
    own = [path for path in FILES if path.parts[0] not in ("hydra", "experiment", "sweep")]
    groups = {str(path.parent).replace("/", ".") for path in own}
    assert {group for group in groups if OmegaConf.select(default, group) is None} == {"env.ads", "env.feedback"}


def test_the_keys_that_are_told_are_all_there_are(default: DictConfig) -> None:
    assert {str(key) for key in default} - {"resume"} == set(TOLD) - {"experiment"}


def test_world_and_agent_read_alike_by_default_and_apart_on_request(default: DictConfig) -> None:
    assert default.env.world.encoder == default.encoder
    cfg = composed(["encoder=hashing"])
    assert cfg.env.world.encoder == default.encoder != cfg.encoder


def test_every_cell_of_the_privacy_scenario_says_its_epsilon_and_delta() -> None:
    words = ["experiment=scenario/privacy"]
    suite = composed(words).suite
    assert len(cells(suite, words)) == 8 * len(suite.seeds)
    found = [composed([*words, *cell.overrides, "suite=null"]).env.observation.privacy for cell in suite.cells]
    assert [one and (one.epsilon, one.delta) for one in found] == [
        None, (300, 1e-4), (100, 1e-4), (30, 1e-4), (10, 1e-4), (3, 1e-4), (1, 1e-4), None
    ]  # fmt: skip


def test_the_smoke_test_needs_no_model() -> None:
    cfg = composed(["experiment=smoke"])
    needed = {name for _, name in assets(OmegaConf.to_container(cfg), "")}
    assert needed == {"ml-100k"}


def test_no_seed_that_is_reported_is_the_evaluation_s(default: DictConfig) -> None:
    suites = [composed([f"experiment={name}"]).suite for name in EXPERIMENTS]
    assert default.evaluation.seed not in {seed for suite in suites if suite for seed in suite.seeds}
