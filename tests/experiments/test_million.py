"""Large catalogs: one array a machine, nothing of it in what is stored, nothing read by a language model."""

from pathlib import Path

import numpy as np
import pytest

from recloop.agents.nearby import Nearby
from recloop.envs.index import Approximate
from recloop.experiments.baselines import baselines
from recloop.experiments.build import instantiate
from recloop.experiments.checkpoints import save_weights
from recloop.experiments.compose import composed
from recloop.experiments.setting import Setting, build_setting
from recloop.experiments.training_state import take
from recloop.experiments.transfer import learner

SMALL = (
    "env=million", "env.dataset.num_groups=50", "env.dataset.num_users=40", "env.dataset.dim=16",
    "env.index.exact_below=1000", "agent.num_envs=2", "agent.rollout_steps=4", "agent.hidden=[8]", "agent.batch_size=8",
)  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(cache))


def built(num_items: int, *words: str) -> Setting:
    return build_setting(composed([*SMALL, f"env.dataset.num_items={num_items}", *words]))


def test_world_agent_network_and_file_share_one_array(cache: Path) -> None:
    setting = built(5_000)
    vectors = setting.train.simulator.world.vectors
    assert str(next((cache / "arrays").glob("*[!n]"))) in Path("/proc/self/maps").read_text()
    for task in (setting.train, setting.held_out, setting.held_out.seeing_everything()):
        assert task.simulator.world.vectors is vectors
        assert task.observation.items.vectors is vectors
    agent = instantiate(composed([*SMALL]).agent, "agent")
    model = learner(agent, setting.train, 0, "cpu")
    buffers = [buffer for name, buffer in model.policy.named_buffers() if name.endswith("vectors")]
    assert buffers
    assert all(buffer.data_ptr() == vectors.ctypes.data for buffer in buffers)


@pytest.mark.parametrize("agent", ["ppo", "dqn"])
def test_what_is_stored_does_not_grow_with_the_catalog(agent: str, tmp_path: Path) -> None:
    words = ["agent=dqn", "agent.buffer_steps=64"] if agent == "dqn" else []
    settings = [word for word in SMALL if agent == "ppo" or not word.startswith("agent.")]
    sizes = []
    for num_items in (2_000, 5_000):
        cfg = composed([*settings, *words, "env/action=candidates", f"env.dataset.num_items={num_items}"])
        model = learner(instantiate(cfg.agent, "agent"), build_setting(cfg).train, 0, "cpu")
        model._setup_learn(64)
        path = tmp_path / f"{num_items}.safetensors"
        save_weights(path, model.policy.state_dict())
        state = sum(tensor.nbytes for tensor in take(model).tensors.values())
        sizes.append((path.stat().st_size, state))
    assert sizes[0] == sizes[1]


def test_a_large_catalog_is_looked_up_and_its_recall_is_told() -> None:
    setting = built(5_000)
    assert isinstance(setting.train.observation.items.index, Approximate)
    assert float(setting.fingerprints["index of 5,000 items, recall@10"]) >= 0.95
    known = baselines(setting.held_out, composed([]).evaluation)
    assert all(isinstance(policy, Nearby) for policy in (known.similar, known.oracle, *known.observed.values()))


def test_a_small_one_is_compared_item_by_item() -> None:
    setting = built(500)
    assert not any(name.startswith("index") for name in setting.fingerprints)


def test_given_vectors_can_be_reduced_and_are_kept_reduced() -> None:
    setting = built(5_000, "projection.dim=8", "projection.whiten=false")
    agent, world = setting.train.observation.items.vectors, setting.train.simulator.world.vectors
    assert (agent.shape, world.shape) == ((5_000, 8), (5_000, 16))
    np.testing.assert_allclose(np.linalg.norm(agent, axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_a_million_items_are_ready_and_found() -> None:
    setting = build_setting(composed(["env=million"]))
    catalog = setting.train.observation.items
    assert catalog.num_items == 1_000_000
    assert float(setting.fingerprints["index of 1,000,000 items, recall@10"]) >= 0.95
    rows = np.arange(0, 1_000_000, 99_991)
    assert catalog.nearest(catalog.vectors[rows], 1)[:, 0].tolist() == rows.tolist()
