"""What a configuration may have built, and what is not let through."""

import pytest
from omegaconf import OmegaConf

from recloop.agents.ppo import PPOAgent
from recloop.experiments.build import instantiate
from recloop.experiments.errors import UsageError


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "numpy.load",
        "recloop.experiments.run.Interrupted",
        "recloop.experiments.setting.Setting",
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
