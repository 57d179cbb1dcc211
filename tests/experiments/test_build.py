"""From configuration to objects, and what is not let through."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from recloop.agents.ppo import PPOAgent
from recloop.encoders.encoder import Vectors
from recloop.encoders.hashing import Hashing
from recloop.experiments.build import Setting, Texts, _tell, build_setting, instantiate, item_space
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from tests.experiments import tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.films(tmp_path_factory.mktemp("films"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def composition(data: Path) -> DictConfig:
    return composed(tiny.settings(data))


@pytest.fixture
def cfg(composition: DictConfig) -> DictConfig:
    return composition.copy()


@pytest.fixture
def setting(cfg: DictConfig) -> Setting:
    return build_setting(cfg)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "numpy.load",
        "recloop.experiments.run.Interrupted",
        "recloop.experiments.build.Setting",
        "recloop.experiments.assets.fetch",
        "recloop.encoders.files.write_atomically",
        "recloop.envs.catalog.unit",
        "recloop.envs.catalog.np.load",
        "recloop.envs.task.Catalog",
        "recloop.envs.nothing.Here",
        "recloop.experiments.tracking._Private",
        "recloop.envs.catalog._refuse_non_finite",
        "recloop",
        "",
        3,
        None,
    ],
)
def test_what_is_not_on_the_list_is_refused_by_name(target: object) -> None:
    with pytest.raises(UsageError, match=r"^agent\._target_ is ") as refused:
        instantiate(OmegaConf.create({"_target_": target}), "agent")
    assert repr(target) in str(refused.value)


def test_what_is_hidden_in_an_argument_is_refused_by_its_key() -> None:
    config = {
        "_target_": "recloop.encoders.controls.Shuffled",
        "encoder": {"_target_": "recloop.encoders.hashing.Hashing", "dim": {"_target_": "os.getpid"}},
    }
    with pytest.raises(UsageError, match=r"^encoder\.encoder\.dim\._target_ is 'os.getpid'"):
        instantiate(OmegaConf.create(config), "encoder")


@pytest.mark.parametrize("key", ["_args_", "_recursive_", "_convert_"])
def test_what_would_change_how_it_is_built_is_refused(key: str) -> None:
    config = OmegaConf.create({"_target_": "recloop.agents.ppo.PPOAgent", key: ["os.system"]})
    with pytest.raises(UsageError, match=rf"^agent\.{key}: PPOAgent takes no such argument"):
        instantiate(config, "agent")


def test_what_is_on_the_list_is_built() -> None:
    agent = instantiate(OmegaConf.create({"_target_": "recloop.agents.ppo.PPOAgent", "num_envs": 3}), "agent")
    assert isinstance(agent, PPOAgent)
    assert agent.num_envs == 3


def test_train_and_held_out_users_are_different_people(setting: Setting) -> None:
    train, held_out = (task.simulator.population.members for task in (setting.train, setting.held_out))
    assert len(held_out) == round(0.3 * tiny.NUM_PEOPLE)
    assert sorted([*train, *held_out]) == list(range(tiny.NUM_PEOPLE))


def test_quality_and_popularity_come_from_train_users_only(setting: Setting) -> None:
    counts = setting.train.simulator.world.popularity * 16 * len(setting.train.simulator.population.members)
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-3)  # 16 = the first 80 % of 20 ratings
    assert counts.sum() == pytest.approx(16 * 21)


def test_the_world_stays_when_the_agent_reads_through_another_encoder(data: Path, setting: Setting) -> None:
    other = build_setting(composed([*tiny.settings(data), "encoder=random"]))
    np.testing.assert_array_equal(other.train.simulator.world.vectors, setting.train.simulator.world.vectors)
    assert not np.allclose(item_space(other.train).vectors, item_space(setting.train).vectors)
    assert other.fingerprints["world encoder"] == setting.fingerprints["world encoder"]
    assert other.fingerprints["encoder"] != setting.fingerprints["encoder"]


def test_the_oracle_sees_in_the_world_s_own_space(data: Path) -> None:
    setting = build_setting(composed([*tiny.settings(data), "encoder=random", "env/observation=oracle"]))
    np.testing.assert_array_equal(item_space(setting.train).vectors, setting.train.simulator.world.vectors)
    assert setting.train.observation.sees == "true state"


def test_a_prompt_state_is_read_by_the_encoder_and_kept_out_of_the_cache(data: Path, cache: Path) -> None:
    setting = build_setting(composed([*tiny.settings(data), "env/observation=prompt"]))
    task, files = setting.train, set(cache.rglob("*.safetensors"))
    users = task.simulator.draw(5, np.random.default_rng(0))
    state = task.read(task.arrive(users))[:, task.observation.layout["state"]]
    np.testing.assert_allclose(np.linalg.norm(state, axis=1), 1, atol=1e-5)
    assert set(cache.rglob("*.safetensors")) == files


def test_texts_are_read_once_and_then_found_in_the_cache(cfg: DictConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_setting(cfg)
    monkeypatch.setattr(Hashing, "encode", None)
    np.testing.assert_array_equal(item_space(build_setting(cfg).train).vectors, item_space(first.train).vectors)


def broken(cfg: DictConfig, folder: Path, line: str, instead: str) -> DictConfig:
    """The configuration for films of which one line is another."""
    shutil.copytree(cfg.env.dataset.folder, folder)
    path = folder / "ml-100k.item"
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, instead))
    cfg.env.dataset.folder = str(folder)
    return cfg


@pytest.mark.parametrize(("column", "name"), [(1, "title"), (2, "year")])
def test_an_item_without_a_text_is_refused_by_file_and_item(
    cfg: DictConfig, data: Path, tmp_path: Path, column: int, name: str
) -> None:
    line = (data / "ml-100k.item").read_text().splitlines()[7]
    cells = line.split("\t")
    cells[column] = ""
    with pytest.raises(UsageError, match=rf"^{tmp_path}/films: item 7: .* has no '{name}'.*supply it") as refused:
        build_setting(broken(cfg, tmp_path / "films", line, "\t".join(cells)))
    assert "\n" not in str(refused.value)


def test_a_row_that_lacks_a_column_is_refused_by_file_and_line(cfg: DictConfig, data: Path, tmp_path: Path) -> None:
    line = (data / "ml-100k.item").read_text().splitlines()[7]
    with pytest.raises(UsageError, match=r"^env\.dataset: .*ml-100k\.item, line 8: 3 columns instead of 4"):
        build_setting(broken(cfg, tmp_path / "films", line, line.rpartition("\t")[0]))


def test_a_vector_that_is_no_number_is_refused_by_its_encoder(cfg: DictConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(self: Hashing, texts: list[str]) -> Vectors:
        vectors = np.ones((len(texts), 384), np.float32)
        vectors[3, 5] = np.nan
        return vectors

    monkeypatch.setattr(Hashing, "encode", damaged)
    with pytest.raises(UsageError, match=r"^env\.world\.encoder: vector 3 holds a NaN"):
        build_setting(cfg)


def test_a_catalog_with_a_vector_that_is_no_number_is_refused_by_item(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(self: object, vectors: Vectors) -> Vectors:
        result = np.eye(8, dtype=np.float32)[np.arange(len(vectors)) % 8]
        result[3, 5] = np.nan
        return result

    monkeypatch.setattr("recloop.encoders.projection.Projection.__call__", damaged)
    monkeypatch.setattr("recloop.envs.interactions.Interactions.pool", lambda *_: np.ones((30, 8), np.float32))
    with pytest.raises(UsageError, match=r"^env\.world: item 3 \('.*'\) has a non-finite value in vectors"):
        build_setting(cfg)


def test_a_user_without_history_is_refused_by_number(cfg: DictConfig, data: Path, tmp_path: Path) -> None:
    cfg.env.dataset.folder = str(shutil.copytree(data, tmp_path / "films"))
    with (tmp_path / "films" / "ml-100k.user").open("a") as file:
        file.write("99\t30\tM\twriter\n")
    with pytest.raises(UsageError, match=r"^env\.population: user 30 has no taste.*leave the user out"):
        build_setting(cfg)


def test_a_cache_that_cannot_be_written_is_refused_by_its_path(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", "/dev/null/cache")
    with pytest.raises(
        UsageError, match=r"cannot keep vectors in /dev/null/cache: Not a directory; .*set RECLOOP_CACHE"
    ):
        build_setting(cfg)


def test_how_a_data_set_was_read_is_said_once_and_at_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ratings.tab").write_text("user\tmovie\tscore\nc\tc\tc\n-\t-\t-\n1\t1\t4\n2\t1\t2\n")
    (tmp_path / "trust.tab").write_text("truster\ttrustee\tscore\nc\tc\tc\n-\t-\t-\n1\t2\t1\n1\t3\t1\n")
    cfg = composed(["env=filmtrust", "prompts=titles", f"env.dataset.folder={tmp_path}"])
    Texts.of(cfg)
    assert capsys.readouterr().err == ""
    _tell.cache_clear()
    monkeypatch.setenv("FORCE_COLOR", "1")
    texts = [Texts.of(cfg), Texts.of(cfg)]
    assert capsys.readouterr().err == "filmtrust: trust kept 50.0%\n"
    assert texts[0].items == ["film 1"]
