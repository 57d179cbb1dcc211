"""Where agents train and are evaluated, from a configuration."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig

from recloop.encoders.encoder import Vectors
from recloop.encoders.hashing import Hashing
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.setting import Setting, Texts, _tell, _trusted, build_setting, item_space
from tests.causal import causal
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


def test_train_and_held_out_users_are_different_people(setting: Setting) -> None:
    train, held_out = (task.simulator.population.members for task in (setting.train, setting.held_out))
    assert len(held_out) == round(0.3 * tiny.NUM_PEOPLE)
    assert sorted([*train, *held_out]) == list(range(tiny.NUM_PEOPLE))


def test_quality_and_popularity_come_from_train_users_only(setting: Setting) -> None:
    counts = setting.train.simulator.world.popularity * 16 * len(setting.train.simulator.population.members)
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-3)  # 16 = the first 80 % of 20 ratings
    assert counts.sum() == pytest.approx(16 * 21)


def test_what_the_platform_knows_may_be_older_than_what_people_feel(data: Path, setting: Setting) -> None:
    old = build_setting(composed([*tiny.settings(data), "env.population.known_share=0.3"]))
    now, then = (one.train.simulator.population.tastes for one in (setting, old))
    np.testing.assert_array_equal(now, then)
    assert not np.allclose(known(old), known(setting))


def known(setting: Setting) -> np.ndarray:
    """States at arrival."""
    task = setting.train
    users = task.simulator.arrive(np.arange(5), np.zeros((5, task.simulator.luck), np.float32))
    return task.read(task.arrive(users))[:, task.layout["state"]]


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


def test_new_items_are_all_that_evaluation_offers_and_nobody_has_logged_them(data: Path) -> None:
    setting = build_setting(composed([*tiny.settings(data), "env/catalog=new_items"]))
    old, new = (task.observation.items for task in (setting.train, setting.held_out))
    assert len(new.titles) == round(0.2 * tiny.NUM_FILMS)
    assert not set(old.titles) & set(new.titles)
    everywhere = build_setting(composed([*tiny.settings(data), "env/catalog=new_items", LEARNS])).train
    assert set(everywhere.observation.items.titles) == {*old.titles, *new.titles}


LEARNS = "env.catalog.learns_from_new=true"


def test_of_new_items_the_platform_knows_no_history(data: Path) -> None:
    words = [*tiny.settings(data), LEARNS]
    before, after = (build_setting(composed([*words, f"env.catalog.new_share={share}"])).train for share in (0, 0.5))
    np.testing.assert_array_equal(before.simulator.population.tastes, after.simulator.population.tastes)
    users = before.simulator.draw(50, np.random.default_rng(0))
    assert not np.array_equal(before.read(before.arrive(users)), after.read(after.arrive(users)))


def test_a_deployed_agent_is_evaluated_elsewhere_in_the_directions_that_it_has_learned(data: Path) -> None:
    there = [word.replace("env.", "deploy.env.", 1) for word in tiny.settings(data) if word.startswith("env.")]
    words = ["+env@deploy.env=movielens", "+prompts@deploy.prompts=default", "encoder@deploy.env.world.encoder=hashing"]
    cfg = composed([*tiny.settings(data), *words, *there, "deploy.env.sessions.max_steps=7"])
    setting, plain = build_setting(cfg), build_setting(composed(tiny.settings(data)))
    assert setting.held_out.simulator.sessions.max_steps == 7
    assert setting.train.simulator.sessions.max_steps == plain.train.simulator.sessions.max_steps
    assert setting.fingerprints["deployed data"] == setting.fingerprints["data"]
    np.testing.assert_allclose(item_space(setting.held_out).vectors, item_space(plain.held_out).vectors, atol=1e-5)


def test_ads_have_a_price_and_a_place_of_their_own(data: Path) -> None:
    words = ["env/choice=multinomial_logit", "env.choice.slate=3", "env/ads=slot", "env.ads.share=0.3"]
    task = build_setting(composed([*tiny.settings(data), *words])).train
    prices, slots = task.simulator.world.prices, task.slots
    assert prices is not None
    assert slots is not None
    assert (prices > 0).sum() == round(0.3 * tiny.NUM_FILMS)
    np.testing.assert_array_equal(slots, [prices == 0, prices == 0, prices > 0])


def test_an_ad_slot_needs_a_slate(data: Path) -> None:
    with pytest.raises(UsageError, match="the slate is 1; an ad slot takes one of 2 items or more"):
        build_setting(composed([*tiny.settings(data), "env/ads=slot"]))


def test_what_users_write_is_read_by_the_agent_s_encoder_and_silence_is_the_default(
    data: Path, cfg: DictConfig
) -> None:
    heard = build_setting(composed([*tiny.settings(data), "env/feedback=words", "env.feedback.gain=0.5"])).train
    assert build_setting(cfg).train.feedback is None
    assert heard.feedback is not None
    assert heard.feedback.writer.words == ("action", "comedy", "drama")
    assert heard.feedback.steps.shape == (4 * 3 * 3, 8)
    unread = build_setting(composed([*tiny.settings(data), "env/feedback=words", "env.feedback.gain=0"])).train
    assert unread.feedback is not None
    assert not unread.feedback.steps.any()


def test_what_an_author_writes_is_written_once_a_machine_and_read(
    data: Path, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = causal(tmp_path / "causal")
    author = ["env/feedback=smollm2", "env.feedback.author.drafts=1", f"env.feedback.author.generator.model={model}"]
    one, other = (build_setting(composed([*tiny.settings(data), *author])) for _ in range(2))
    plain = build_setting(composed([*tiny.settings(data), "env/feedback=words"]))
    for setting in (one, other):
        assert setting.train.feedback is not None
        assert "I have had enough of comedy. Show me more drama." in setting.train.feedback.writer.texts
        assert setting.train.feedback.steps.any()
    assert capfd.readouterr().err.count("feedback that wants less: writing of 3 words (once)") == 1
    assert one.fingerprints["feedback"] == other.fingerprints["feedback"] != plain.fingerprints["feedback"]


@pytest.mark.parametrize("observation", ["prompt", "oracle", "collaborative"])
def test_what_users_write_moves_pooled_states_alone(data: Path, observation: str) -> None:
    words = [*tiny.settings(data), "env/feedback=words", f"env/observation={observation}"]
    with pytest.raises(UsageError, match=r"^env\.feedback: words move the pooled state"):
        build_setting(composed(words))


def test_trusted_taste_is_the_mean_of_those_whom_a_user_trusts() -> None:
    tastes = np.array([[1, 0], [0, 1], [0, -1]], np.float32)
    trusted = _trusted(np.array([[0, 1], [0, 2], [1, 0]]), tastes)
    np.testing.assert_array_equal(trusted, [[0, 0], [1, 0], [0, 0]])
