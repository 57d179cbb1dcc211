"""A stored configuration with some keys given anew."""

import pytest
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.overrides import overridden
from recloop.experiments.run import plain

TOPS = ("env", "device")


@pytest.fixture(scope="module")
def config() -> DictConfig:
    stored = OmegaConf.create(plain(composed(["run_dir=x", "env.population.spread=0.7"])))
    assert isinstance(stored, DictConfig)
    return stored


def changed(config: DictConfig, *words: str) -> DictConfig:
    return overridden(config, words, TOPS)


def test_a_value_is_replaced_and_all_else_stays(config: DictConfig) -> None:
    found = changed(config, "env.dynamics.boredom.weight=0.9", "device=cuda")
    assert (found.env.dynamics.boredom.weight, found.device) == (0.9, "cuda")
    assert found.env.population.spread == 0.7
    assert config.env.dynamics.boredom.weight != 0.9


def test_an_option_of_a_group_is_composed_afresh(config: DictConfig) -> None:
    found = changed(config, "env/observation=prompt")
    assert found.env.observation == composed(["env/observation=prompt"]).env.observation
    assert found.env.population.spread == 0.7


def test_a_group_may_go_to_another_place(config: DictConfig) -> None:
    found = changed(config, "encoder@env.world.encoder=hashing")
    assert found.env.world.encoder._target_.endswith("Hashing")
    assert found.encoder == config.encoder


def test_the_whole_environment_can_be_another(config: DictConfig) -> None:
    assert changed(config, "env=movielens").env.population.spread == composed([]).env.population.spread


def test_keys_are_added_and_removed(config: DictConfig) -> None:
    assert "drift" not in changed(config, "~env.dynamics.drift").env.dynamics
    assert changed(config, "+env.dynamics.boredom.more=1").env.dynamics.boredom.more == 1


def test_later_words_see_what_earlier_ones_changed(config: DictConfig) -> None:
    found = changed(config, "env=movielens", "env.population.spread=0.2")
    assert found.env.population.spread == 0.2


def test_the_users_own_interpolations_are_resolved(config: DictConfig) -> None:
    found = changed(config, "env.world.projection.dim=${projection.dim}")
    assert OmegaConf.to_container(found.env.world.projection, resolve=False) == {"dim": 64, "whiten": False}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("agent.gamma=0", "only device, env can be given anew for a run"),
        ("agent=dqn", "only device, env"),
        ("encoder@agent=minilm", "only device, env"),
        ("env.nothing=1", "there is no key env.nothing in the run's config.json"),
        ("env.population.spread.deeper=1", "there is no key env.population.spread.deeper"),
        ("~env.nothing", "there is no key env.nothing"),
        ("+env.population.spread=1", "there is already a key env.population.spread"),
        ("env.population.spread=1,2", "gives several values"),
    ],
)
def test_a_word_that_cannot_be_followed_is_refused(config: DictConfig, word: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed(config, word)
    assert str(caught.value).startswith(f"{word}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("word", ["env.population.spread=${", "env=nothing"])
def test_what_hydra_cannot_read_or_find_is_left_to_it_to_say(config: DictConfig, word: str) -> None:
    with pytest.raises(HydraException):
        changed(config, word)
