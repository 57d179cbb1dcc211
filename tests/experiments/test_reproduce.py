"""`recloop reproduce`: runs that are made again here."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from recloop.experiments import logged
from recloop.experiments.again import threads_of
from recloop.experiments.errors import UsageError
from recloop.experiments.manifest import THREAD_VARIABLES, thread_variables
from recloop.experiments.reproduce import Unit, main, reproduce, sampled
from recloop.experiments.stored import StoredRun, read_run
from recloop.experiments.tracking import WandbSettings
from tests.experiments import tiny
from tests.experiments.wandb_stub import Server

AGENTS = {"PPO": ("agent=ppo", *tiny.PPO), "DQN": tiny.DQN}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where `runs` is."""
    folder = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("RECLOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield folder


@pytest.fixture(scope="module")
def run(films: Path, here: Path) -> Path:
    """A PPO run that has finished."""
    folder = here / "runs" / "mine"
    assert tiny.recloop("train", *tiny.settings(films), *tiny.PPO, f"run_dir={folder}") == 0
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("reproductions")))


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def units(count: int) -> list[Unit]:
    """A suite with so many runs: these, and its baselines."""
    single, suite = OmegaConf.create({"suite": None}), OmegaConf.create({"suite": {"seeds": [0]}})
    cells = [Unit(f"cell {index}", StoredRun(Path(), single, {}), Path()) for index in range(count)]
    return [*cells, Unit("baselines", StoredRun(Path(), suite, {}), Path())]


def test_without_a_sample_everything_is_made_again_in_order() -> None:
    assert [unit.label for unit in sampled(units(2), None, 0)] == ["cell 0", "cell 1", "baselines"]


def test_a_sample_is_of_runs_in_their_order_and_depends_on_the_seed() -> None:
    drawn = {tuple(unit.label for unit in sampled(units(10), 3, seed)) for seed in range(20)}
    assert len(drawn) > 10
    assert all(len(set(labels)) == 3 and list(labels) == sorted(labels) for labels in drawn)
    assert not any("baselines" in labels for labels in drawn)
    assert sampled(units(10), 3, 7) == sampled(units(10), 3, 7)


@pytest.mark.parametrize("count", [0, 3])
def test_a_sample_larger_than_what_is_there_or_empty_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"^--sample is {count}; give a number from 1 to 2"):
        sampled(units(2), count, 0)


@pytest.mark.parametrize("margin", ["0", "1", "-0.1", "nan"])
def test_a_margin_that_is_no_share_is_refused(margin: str) -> None:
    with pytest.raises(UsageError, match=f"^--margin is {float(margin)}; give a share between 0 and 1"):
        main(["somewhere", f"--margin={margin}"])


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"^no/such: no such folder"):
        main(["no/such"])


def test_a_path_of_three_parts_below_a_folder_that_is_there_is_a_folder(here: Path, run: Path) -> None:
    with pytest.raises(UsageError, match=r"^runs/mine/nothing: no such folder"):
        main(["runs/mine/nothing"])


def test_a_run_on_wandb_is_fetched_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(path: str, into: Path) -> Path:
        asked.append((path, into))
        (into / "3f9k").mkdir(parents=True)
        return into / "3f9k"

    monkeypatch.setattr(logged, "fetch_run", fetch)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"^runs/fetched/team/films/3f9k/config\.json: no such file"):
            main(["team/films/3f9k"])
    assert asked == [("team/films/3f9k", Path("runs/fetched/team/films"))]


def test_a_run_that_has_not_finished_is_refused(copy: Path) -> None:
    edit(copy / "manifest.json", lambda manifest: manifest.update(status="interrupted"))
    with pytest.raises(UsageError, match=f"^{copy}: has not finished; go on with it by resume=true first"):
        main([str(copy)])


def test_thread_variables_are_those_of_the_run_and_then_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    config = OmegaConf.create({"suite": None, "threads": 1})
    with threads_of(StoredRun(Path(), config, {"thread_variables": {"MKL_NUM_THREADS": "3"}})):
        assert thread_variables() == {"MKL_NUM_THREADS": "3"}
    assert thread_variables() == {"OMP_NUM_THREADS": "2"}


def test_a_run_comes_back_to_the_same_bits(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiny.recloop("reproduce", str(run)) == 0
    assert re.fullmatch(
        r"mine: identical: the same bits: journal \(\d+ rows\), weights, sessions \(\d+\)\n", capsys.readouterr().out
    )
    (kept,) = run.glob("reproductions/*/reproduction.json")
    assert json.loads(kept.read_text())["verdict"] == "identical"


@pytest.mark.slow
def test_what_has_been_made_again_is_not_made_twice(copy: Path) -> None:
    into = copy.parent / "again"
    shutil.copytree(copy, into)
    before = (into / "metrics.jsonl").stat().st_mtime_ns
    assert tiny.recloop("reproduce", str(copy), "--into", str(into)) == 0
    assert (into / "metrics.jsonl").stat().st_mtime_ns == before


@pytest.mark.slow
def test_one_of_several_that_cannot_be_made_here_is_told_and_does_not_come_back(
    run: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(copy / "config.json", lambda config: config["env"]["dataset"].update(folder="no/such/films"))
    again = [Unit(folder.name, read_run(folder), folder / "reproductions" / "now") for folder in (copy, run)]
    assert reproduce(again, None, 0.05) == 1
    failed, came, total = capsys.readouterr().out.splitlines()[-3:]
    assert failed.startswith("copy: not made: env.dataset: ")
    assert (came.partition(": the same")[0], total) == ("mine: identical", "1 of 2 came back")


@pytest.mark.slow
@pytest.mark.parametrize(("key", "value"), [("agent.learning_rate", 0.05), ("threads", 2)])
def test_an_edited_configuration_is_named(
    key: str, value: float, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = OmegaConf.load(copy / "config.json")
    was = OmegaConf.select(config, key)
    OmegaConf.update(config, key, value)
    (copy / "config.json").write_text(json.dumps(OmegaConf.to_container(config)))
    assert tiny.recloop("reproduce", str(copy)) == 1
    assert (
        f"edited since the run was made: config.json: {key} {was} in the run, {value} here" in capsys.readouterr().out
    )


@pytest.mark.slow
def test_another_catalog_is_named(run: Path, films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = films / "ml-100k.item"
    before = items.read_text()
    try:
        items.write_text(before.replace("river", "canyon"))
        assert tiny.recloop("reproduce", str(run)) == 1
    finally:
        items.write_text(before)
    said = capsys.readouterr().out
    assert re.search(r"different: other inputs: fingerprint of data \w+… in the run, \w+… here", said)
    assert "first difference: journal row 0 (steps 0), " in said


@pytest.mark.slow
def test_ten_runs_of_both_agents_come_back(films: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(5):
        for name, agent in AGENTS.items():
            words = [*tiny.settings(films), *agent, f"seed={seed}", f"run_dir=runs/ten/{name}-{seed}"]
            assert tiny.recloop("train", *words) == 0
    capsys.readouterr()
    assert tiny.recloop("reproduce", "--group", "ten") == 0
    said = capsys.readouterr().out
    assert len(re.findall(r"^ten/(?:PPO|DQN)-\d: identical: ", said, re.MULTILINE)) == 10
    assert said.endswith("10 of 10 came back\n")


@pytest.mark.slow
def test_every_cell_of_a_suite_comes_back_and_its_baselines(
    films: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ",".join(f"{{policy: {name}, overrides: {json.dumps(words)}}}" for name, words in AGENTS.items())
    suite = f"suite={{seeds: [0], workers: 2, cells: [{cells}]}}"
    assert tiny.recloop("train", *tiny.settings(films), suite, "run_dir=runs/suite") == 0
    capsys.readouterr()
    assert tiny.recloop("reproduce", "runs/suite") == 0
    *verdicts, total = capsys.readouterr().out.splitlines()
    assert [line.partition(": the same bits")[0] for line in verdicts] == [
        "suite/dqn-seed0: identical",
        "suite/ppo-seed0: identical",
        "suite, baselines: identical",
    ]
    assert total == "3 of 3 came back"


@pytest.mark.slow
def test_a_run_logged_on_wandb_comes_back(
    copy: Path, home: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = WandbSettings("recloop", mode="online", entity="me")
    with settings.open(copy, group="g", job_type="train", name="n", config={}) as tracker:
        tracker.publish(copy)
    identity = (copy / "wandb" / "id.txt").read_text()
    shutil.rmtree(copy)
    assert tiny.recloop("reproduce", f"me/recloop/{identity}") == 0
    assert re.match(rf"{identity}: identical: the same bits: journal .*, weights, sessions", capsys.readouterr().out)
