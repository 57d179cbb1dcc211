"""A training that was stopped and goes on in a fresh process comes to the same bits as one that was not."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recloop.agents.dqn import DQNAgent
from recloop.agents.lin_ucb import LinUCBAgent
from recloop.agents.maskable_ppo import MaskablePPOAgent
from recloop.agents.ppo import PPOAgent
from recloop.agents.proto_ppo import ProtoPPOAgent
from recloop.agents.proto_sac import ProtoSACAgent
from recloop.agents.proto_td3 import ProtoTD3Agent
from recloop.agents.proto_tqc import ProtoTQCAgent
from recloop.agents.qr_dqn import QRDQNAgent
from recloop.agents.sasrec import SASRecAgent
from recloop.agents.slate_q import SlateQAgent
from recloop.agents.thompson import ThompsonAgent
from recloop.encoders.projection import Projection
from recloop.envs.actions import Actions, Candidates, Items
from recloop.envs.feedback import Feedback, Remarks
from recloop.envs.observations import Pooled
from recloop.envs.task import Task
from recloop.experiments.evaluate import Luck
from recloop.experiments.journal import Journal, Row
from recloop.experiments.keeper import Keeper, kept
from recloop.experiments.progress import Silent
from recloop.experiments.setting import Setting
from recloop.experiments.train import Agent, Trained, train

AGENTS: dict[str, Agent] = {
    "PPO 1": PPOAgent(num_envs=1, rollout_steps=32, batch_size=16, epochs=1, hidden=(16,)),
    "PPO 64": PPOAgent(num_envs=64, rollout_steps=2, batch_size=64, epochs=2, hidden=(16,), entropy_weight=0.01),
    "PPO plain": PPOAgent(num_envs=8, head="mlp", rollout_steps=8, batch_size=32, epochs=1, hidden=(16,)),
    "DQN 1": DQNAgent(num_envs=1, learning_starts=64, batch_size=16, replay_ratio=4.0, hidden=(16,)),
    "DQN 64": DQNAgent(num_envs=64, learning_starts=64, batch_size=16, replay_ratio=1.0, hidden=(16,)),
    "DQN full": DQNAgent(
        num_envs=8, learning_starts=32, batch_size=16, replay_ratio=2.0, buffer_steps=96, hidden=(16,)
    ),
    "MaskablePPO": MaskablePPOAgent(num_envs=8, rollout_steps=16, batch_size=64, epochs=1, hidden=(16,)),
    "LinUCB": LinUCBAgent(num_envs=16),
    "Thompson": ThompsonAgent(num_envs=16),
    "SASRec": SASRecAgent(
        num_envs=16, rollout_steps=8, width=8, length=4, batch_size=8, buffer_steps=320, replay_ratio=0.5
    ),
}
AGENTS |= {"QR-DQN": QRDQNAgent(**vars(AGENTS["DQN full"])), "SlateQ": SlateQAgent(**vars(AGENTS["DQN full"]))}
PROTO: dict[str, Any] = {
    "num_envs": 64, "learning_starts": 64, "batch_size": 16, "replay_ratio": 0.25, "buffer_steps": 640, "hidden": (16,),
}  # fmt: skip
AGENTS_OF_VECTORS: dict[str, Agent] = {
    "PPO, proto": ProtoPPOAgent(num_envs=16, rollout_steps=8, batch_size=64, epochs=1, hidden=(16,)),
    "SAC, proto": ProtoSACAgent(**PROTO, nearest=1),
    "TD3, proto": ProtoTD3Agent(**PROTO),
    "TQC, proto": ProtoTQCAgent(**PROTO, quantiles=5),
}
AGENTS_OF_ANSWERS: dict[str, Agent] = {
    "PPO, recurrent state": PPOAgent(
        num_envs=16, rollout_steps=8, batch_size=64, epochs=1, hidden=(16,), state="recurrent"
    ),
    "DQN, attentive state": DQNAgent(
        num_envs=16, learning_starts=64, batch_size=16, replay_ratio=1.0, hidden=(16,), state="attention"
    ),
}
STEPS = 1024


class Power:
    """The journal, on a machine whose power fails at a row."""

    def __init__(self, journal: Journal, rows: int) -> None:
        self.journal, self.left = journal, rows

    def write(self, row: Row) -> None:
        self.left -= 1
        if self.left < 0:
            raise SystemError("no power")
        self.journal.write(row)

    def close(self, *, failed: bool = False) -> None:
        self.journal.close()


class Often(Keeper):
    """Keeps every tenth state: a single user makes a step a rollout in DQN."""

    asked = 0

    def is_due(self) -> bool:
        self.asked += 1
        return self.asked % 10 == 0


@pytest.fixture(scope="module")
def setting() -> Setting:
    return setting_of(Task.synthetic(40, 8, max_steps=10))


@pytest.fixture(scope="module")
def slates() -> Setting:
    return setting_of(Task.synthetic(40, 8, max_steps=10, slate=3))


def setting_of(task: Task) -> Setting:
    learners, held_out = task.simulator.population.split(0.1, 0)
    projection = Projection.fit(np.eye(4, dtype=np.float32), 2)
    return Setting(task.serving(learners), task.serving(held_out), projection, {})


def go_on(agent: Agent, setting: Setting, folder: Path, rows: int = 10**6) -> Trained:
    """Train in `folder` from where it is, until the power fails after so many rows."""
    state, length = kept(folder, resume=True)
    journal = Journal(folder / "metrics.jsonl", length)
    scramble = random.randrange(10**6)
    random.seed(scramble)
    np.random.seed(scramble)  # noqa: NPY002
    torch.manual_seed(scramble)
    return train(
        agent,
        setting,
        Luck.draw(setting.held_out.simulator, 1, seed=9),
        steps=STEPS,
        curve_points=4,
        seed=0,
        device="cpu",
        tracker=Power(journal, rows),
        keeper=Keeper(folder, journal, 0.0, state) if agent.num_envs > 1 else Often(folder, journal, 0.0, state),
        reporter=Silent(),
        label="training",
    )


def outcome(result: Trained, folder: Path) -> tuple[Any, ...]:
    """All that two trainings could differ in."""
    policy = result.model.policy
    owners: list[Any] = [policy, getattr(policy, "actor", None), getattr(policy, "critic", None)]
    optimizers = [owner.optimizer for owner in owners if hasattr(owner, "optimizer")]
    optimizers += [policy.state_optimizer] if hasattr(policy, "state_optimizer") else []
    weight = getattr(result.model, "log_ent_coef", None)
    if weight is not None:
        optimizers.append(result.model.ent_coef_optimizer)  # type: ignore[attr-defined]
    states = [state for optimizer in optimizers for state in optimizer.state_dict()["state"].values()]
    moments = [value for state in states for value in state.values()]
    arrays = [*policy.state_dict().values(), *moments, *([] if weight is None else [weight.detach()])]
    curve = result.curve.steps.tolist(), result.curve.clicks_per_session.tolist()
    return [array.numpy().tobytes() for array in arrays], curve, (folder / "metrics.jsonl").read_bytes()


SLOW = ("PPO 1", "DQN 1", "QR-DQN", "SlateQ")
"""One user at a time takes longest, and is killed a hundred times in test_resume too."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in AGENTS]
)
def test_a_training_cut_off_again_and_again_ends_as_the_undisturbed_one(
    name: str, setting: Setting, slates: Setting, tmp_path: Path
) -> None:
    check_cut_off(name, slates if name == "SlateQ" else setting, tmp_path)


def check_cut_off(name: str, setting: Setting, tmp_path: Path) -> None:
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    calm.mkdir()
    rough.mkdir()
    agent = {**AGENTS, **AGENTS_OF_VECTORS, **AGENTS_OF_ANSWERS}[name]
    undisturbed = outcome(go_on(agent, setting, calm), calm)
    for rows in (1, 2, 3):
        with pytest.raises(SystemError):
            go_on(agent, setting, rough, rows)
    assert outcome(go_on(agent, setting, rough), rough) == undisturbed


@pytest.mark.parametrize("name", AGENTS_OF_VECTORS)
def test_so_does_one_of_several_optimizers_that_says_vectors(name: str, tmp_path: Path) -> None:
    check_cut_off(name, setting_of(Task.synthetic(40, 8, max_steps=10, action="proto")), tmp_path)


@pytest.mark.parametrize("name", AGENTS_OF_ANSWERS)
def test_so_does_one_whose_state_learns_from_answers(name: str, setting: Setting, tmp_path: Path) -> None:
    tasks = (replace(task, observation=telling(task)) for task in (setting.train, setting.held_out))
    learners, held_out = tasks
    check_cut_off(name, replace(setting, train=learners, held_out=held_out), tmp_path)


def telling(task: Task) -> Pooled:
    """What the task's agent sees, with the items shown last."""
    return Pooled(task.observation.items, task.simulator.population.tastes, max_steps=10, recent=6)


@pytest.mark.parametrize("actions", [Items(repeats=False), Candidates(False, retrieved=6, drawn=4)])
@pytest.mark.parametrize("name", ["PPO 64", "DQN 64"])
def test_what_was_shown_and_is_offered_comes_back_too(
    name: str, actions: Actions, setting: Setting, tmp_path: Path
) -> None:
    train_task, held_out = (replace(task, actions=actions) for task in (setting.train, setting.held_out))
    there = replace(setting, train=train_task, held_out=held_out)
    check_cut_off(name, there, tmp_path)


def test_what_users_write_is_the_same_after_a_cut(setting: Setting, tmp_path: Path) -> None:
    world = setting.train.simulator.world
    writer = Remarks().of(world, [[f"genre {item % 4}", f"mood {item % 3}"] for item in range(world.num_items)])
    steps = np.random.default_rng(0).normal(size=(len(writer.texts), world.dim)).astype(np.float32)
    heard, held_out = (replace(task, feedback=Feedback(writer, steps)) for task in (setting.train, setting.held_out))
    check_cut_off("PPO 64", replace(setting, train=heard, held_out=held_out), tmp_path)


def test_a_damaged_state_is_said_and_the_one_before_is_used(
    setting: Setting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    calm.mkdir()
    rough.mkdir()
    undisturbed = outcome(go_on(AGENTS["DQN 64"], setting, calm), calm)
    with pytest.raises(SystemError):
        go_on(AGENTS["DQN 64"], setting, rough, 5)
    before, latest = sorted(rough.glob("state-*"))
    latest.write_bytes(latest.read_bytes()[:-1])
    assert outcome(go_on(AGENTS["DQN 64"], setting, rough), rough) == undisturbed
    assert f"{latest}: damaged" in caplog.text
    assert str(before) not in caplog.text


def test_two_states_are_kept(setting: Setting, tmp_path: Path) -> None:
    go_on(AGENTS["PPO 64"], setting, tmp_path)
    assert [path.name for path in sorted(tmp_path.glob("state-*"))] == [
        "state-000000000768.safetensors",
        "state-000000000896.safetensors",
    ]


def test_a_state_holds_nothing_that_could_be_code(setting: Setting, tmp_path: Path) -> None:
    go_on(AGENTS["DQN 64"], setting, tmp_path)
    for path in tmp_path.iterdir():
        assert path.suffix in (".safetensors", ".jsonl")
