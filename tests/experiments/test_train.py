"""Training one agent, and what is recorded of it."""

import numpy as np
import pytest

from recloop.agents.dqn import DQNAgent
from recloop.agents.lin_ucb import LinUCBAgent
from recloop.agents.maskable_ppo import MaskablePPOAgent
from recloop.agents.ppo import PPOAgent
from recloop.agents.sasrec import SASRecAgent
from recloop.agents.thompson import ThompsonAgent
from recloop.encoders.projection import Projection
from recloop.envs.task import Task
from recloop.experiments.evaluate import Luck
from recloop.experiments.journal import Row
from recloop.experiments.progress import Silent
from recloop.experiments.setting import Setting
from recloop.experiments.train import Agent, Trained, train

PPO = PPOAgent(num_envs=8, rollout_steps=8, batch_size=32, epochs=1, hidden=(16,))
DQN = DQNAgent(num_envs=8, learning_starts=32, batch_size=16, replay_ratio=2.0, buffer_steps=200, hidden=(16,))
AGENTS: dict[str, Agent] = {
    "PPO": PPO,
    "DQN": DQN,
    "MaskablePPO": MaskablePPOAgent(num_envs=8, rollout_steps=8, batch_size=32, epochs=1, hidden=(16,)),
    "LinUCB": LinUCBAgent(num_envs=8),
    "Thompson": ThompsonAgent(num_envs=8),
    "SASRec": SASRecAgent(num_envs=8, width=8, length=4, batch_size=8, replay_ratio=1.0),
}
ALL = pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS.keys())
STEPS = 256
PROJECTION = Projection.fit(np.eye(4, dtype=np.float32), 2)


class Rows:
    """A tracker in memory; presses Ctrl-C after so many rows."""

    def __init__(self, patience: int = 10**6) -> None:
        self.rows, self.patience = list[Row](), patience

    def write(self, row: Row) -> None:
        self.rows.append(row)
        if len(self.rows) >= self.patience:
            raise KeyboardInterrupt

    def close(self, *, failed: bool = False) -> None:
        raise AssertionError("whoever opened a tracker closes it")


class Told(Silent):
    """How many steps were told, and the latest note."""

    steps, note = 0, ""

    def advanced(self, label: str, steps: int, note: str) -> None:
        self.steps, self.note = self.steps + steps, note


@pytest.fixture(scope="module")
def setting() -> Setting:
    task = Task.synthetic(40, 8, max_steps=10)
    learners, held_out = task.simulator.population.split(0.1, 0)
    return Setting(task.serving(learners), task.serving(held_out), PROJECTION, {})


def trained(agent: Agent, setting: Setting, rows: Rows, told: Told | None = None, seed: int = 0) -> Trained:
    return train(
        agent,
        setting,
        Luck.draw(setting.held_out.simulator, 1, seed=9),
        steps=STEPS,
        curve_points=4,
        seed=seed,
        device="cpu",
        tracker=rows,
        keeper=None,
        reporter=told or Silent(),
        label="training",
    )


@ALL
def test_rows_count_steps_up_to_the_last(agent: Agent, setting: Setting) -> None:
    rows = Rows()
    result = trained(agent, setting, rows)
    steps = [row["steps"] for row in rows.rows]
    assert steps[0] == 0
    assert steps[-1] == result.model.num_timesteps == STEPS
    assert steps == sorted(steps)  # type: ignore[type-var]
    assert result.stopped is None


@ALL
def test_rows_hold_the_learner_s_figures_and_those_of_its_sessions(agent: Agent, setting: Setting) -> None:
    rows = Rows()
    trained(agent, setting, rows)
    last = rows.rows[-1]
    assert {"train/loss", "train/clicks_per_session", "train/session_return", "train/session_steps"} <= last.keys()
    assert 1 <= float(last["train/session_steps"] or 0) <= 10


def test_the_curve_begins_untrained_and_ends_trained(setting: Setting) -> None:
    rows = Rows()
    curve = trained(PPO, setting, rows).curve
    assert curve.steps.tolist() == [0, 64, 128, 192, 256]
    shown = [row["held_out/clicks_per_session"] for row in rows.rows if "held_out/clicks_per_session" in row]
    np.testing.assert_allclose(curve.clicks_per_session, shown, rtol=1e-6)  # type: ignore[arg-type]


def test_progress_is_told_in_steps_with_the_latest_figure(setting: Setting) -> None:
    told = Told()
    curve = trained(PPO, setting, Rows(), told).curve
    assert told.steps == STEPS
    assert told.note == f"clicks per session {curve.clicks_per_session[-1]:.4g}"


@ALL
def test_same_seed_same_rows_and_weights_and_another_seed_others(agent: Agent, setting: Setting) -> None:
    def result(seed: int) -> tuple[list[Row], list[bytes]]:
        rows = Rows()
        state = trained(agent, setting, rows, seed=seed).model.policy.state_dict()
        return rows.rows, [values.numpy().tobytes() for values in state.values()]

    rows, weights = result(0)
    again_rows, again_weights = result(0)
    other_rows, other_weights = result(1)
    assert (rows, weights) == (again_rows, again_weights)
    assert rows != other_rows
    assert weights != other_weights


def test_ctrl_c_ends_training_and_keeps_the_model(setting: Setting) -> None:
    result = trained(PPO, setting, Rows(patience=3))
    assert result.stopped is not None
    assert 0 < result.model.num_timesteps < STEPS
    assert len(result.curve.steps) == 3


def test_ctrl_c_at_once_leaves_an_empty_curve(setting: Setting) -> None:
    result = trained(DQN, setting, Rows(patience=1))
    assert result.stopped is not None
    assert result.model.num_timesteps == 0
