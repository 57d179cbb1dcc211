"""What a sweep searches, and one line for every mistake."""

from pathlib import Path

import pytest

from recloop.experiments.errors import UsageError
from recloop.experiments.seeding import TUNING_SEEDS
from recloop.experiments.sweep_settings import LUCK, read_settings

SHIPPED = sorted(path.stem for path in (Path(__file__).parents[2] / "configs" / "sweep").glob("*.yaml"))


def test_the_user_s_words_come_after_those_of_the_file() -> None:
    settings = read_settings(["sweep=ppo_default", "study=mine", "sweep.trials=3", "steps=10", "encoder=hashing"])
    assert settings.words[:2] == ("agent=ppo", "steps=60000")
    assert settings.words[-2:] == ("steps=10", "encoder=hashing")
    assert (settings.trials, settings.folder) == (3, Path("runs/sweeps/mine"))


def test_a_study_is_an_sqlite_file_unless_a_database_is_named() -> None:
    assert read_settings(["sweep=ppo_default", "study=mine"]).url == "sqlite:///runs/sweeps/mine/study.db"
    elsewhere = read_settings(["sweep=ppo_default", "study=mine", "sweep.storage='postgresql://host/db'"])
    assert elsewhere.url == "postgresql://host/db"


def test_workers_may_differ_in_budget_and_storage_only() -> None:
    one = read_settings(["sweep=ppo_default", "study=mine", "sweep.trials=3", "sweep.storage='sqlite:///a'"])
    other = read_settings(["sweep=ppo_default", "study=mine", "sweep.heartbeat_seconds=3"])
    assert one.identity == other.identity
    assert one.identity != read_settings(["sweep=ppo_default", "study=mine", "steps=10"]).identity


@pytest.mark.parametrize("name", SHIPPED)
def test_every_sweep_that_is_shipped_is_tuned_on_tuning_seeds(name: str) -> None:
    settings = read_settings([f"sweep={name}", "study=x"])
    assert set(settings.seeds) < set(TUNING_SEEDS)
    assert LUCK not in settings.seeds


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("sweep=ppo_defualt", ["'ppo_defualt'", "did you mean ppo_default?", "dqn_default"]),
        ("sweep=nothing.yaml", ["'nothing.yaml'"]),
        ("study=", ["study is ''", "study=NAME"]),
        ("study=../x", ["study is '../x'"]),
        ("sweep.trails=3", ["sweep.trails", "did you mean trials?"]),
        ("sweep.trials=0", ["sweep.trials is 0", "1 or more"]),
        ("sweep.seeds=[]", ["sweep.seeds is ()", "at least one"]),
        ("sweep.seeds=[0]", ["sweep.seeds is 0", "2000000 to 2999998"]),
        (f"sweep.seeds=[{LUCK}]", [f"sweep.seeds is {LUCK}"]),
        ("sweep.seeds=[2000000,2000000]", ["each once"]),
        ("sweep.validation=1", ["sweep.validation is 1", "between 0 and 1"]),
        ("sweep.objectives={clicks: maximize}", ["no metric clicks", "clicks_per_session, "]),
        ("sweep.objectives={clicks_per_session: up}", ["'up'", "maximize or minimize"]),
        ("sweep.objectives={diversity: maximize}", ["sweep.prune=false"]),
        ("sweep.space={}", ["sweep.space is {}"]),
        ("sweep.space={steps: {low: 5, high: 1}}", ["sweep.space.steps.low is 5", "not below high"]),
        ("sweep.space={steps: {low: 0, high: 1, log: true}}", ["sweep.space.steps.low is 0", "above 0"]),
        ("sweep.space={steps: 5}", ["sweep.space.steps is 5", "{low: 1, high: 8}"]),
        ("sweep.space={steps: {choices: [5]}}", ["at least two"]),
        ("sweep.space={seed: {low: 0, high: 9}}", ["sweep.space.seed"]),
        ("seed=3", ["seed=3", "its own affair"]),
        ("steps=1,2", ["steps=1,2", "its own affair"]),
        ("experiment=smoke", ["experiment=smoke"]),
        ("hydra.job.name=x", ["hydra.job.name=x"]),
    ],
)
def test_a_mistake_is_named_with_its_remedy(word: str, said: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        read_settings(["sweep=ppo_default", "study=mine", word])
    assert [words for words in said if words not in str(error.value)] == [], str(error.value)


def test_a_file_of_one_s_own_needs_every_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("trials: 3\n")
    with pytest.raises(UsageError, match=r"mine\.yaml: a sweep has the keys heartbeat_seconds, objectives"):
        read_settings([f"sweep={path}", "study=mine"])
