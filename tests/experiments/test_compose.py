"""Configurations, and what Hydra has to say of them."""

import re

import pytest
from hydra.errors import HydraException

from recloop.experiments.compose import composed, explain


def explanation(*words: str) -> str:
    with pytest.raises(HydraException) as error:
        composed(words)
    return explain(error.value, words)


def test_what_is_composed_is_what_the_words_say() -> None:
    cfg = composed(["agent=dqn", "agent.gamma=0.5", "experiment=smoke"])
    assert (cfg.agent.gamma, cfg.name, cfg.agent._target_) == (0.5, "smoke", "recloop.agents.dqn.DQNAgent")


def test_run_folders_of_one_second_differ_between_processes_only() -> None:
    first, second = (composed([]).run_dir for _ in range(2))
    assert re.fullmatch(r"runs/train/[\d_-]+-[0-9a-f]{6}", first)
    assert first[-6:] == second[-6:]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["agent.gama=1"], "agent.gama=1: there is no key agent.gama (did you mean agent.gamma?)"),
        (["agent=dqn", "agent.epochs=1"], "agent.epochs=1: there is no key agent.epochs"),
        (["agent=dqn", "agent.replay_rato=1"], "(did you mean agent.replay_ratio?)"),
        (["agent.gama=1", "stpes=3"], "(did you mean agent.gamma?)"),
        (["env.dynamics.boredom.wait=1"], "(did you mean env.dynamics.boredom.weight?)"),
        (["experimnt=smoke"], "(did you mean experiment?)"),
        (
            ["agent=ddqn"],
            "agent=ddqn: there is no such option (did you mean dqn?); choose from dqn, dqn_mlp, ",
        ),
        (["env/world=dreams"], "env/world=dreams: there is no such option; choose from language, metric, ratings"),
        (["agent.gamma"], "'agent.gamma' cannot be read; write key=value"),
    ],
)
def test_a_mistake_is_explained_by_what_comes_nearest(words: list[str], said: str) -> None:
    line = explanation(*words)
    assert said in line
    assert "\n" not in line


def test_anything_else_is_said_in_one_line() -> None:
    assert explain(HydraException("first\n\n  second\n"), []) == "first; second"
    assert explain(HydraException(), []) == "HydraException"
