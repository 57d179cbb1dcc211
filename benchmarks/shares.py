"""Where the time of training goes, by part: cProfile's functions put together."""

import cProfile
import pstats
from typing import Any, NamedTuple

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from benchmarks.scope import Scope
from benchmarks.training import learn, learner, start, steps_of
from recloop.agents.dqn import DQNAgent
from recloop.agents.ppo import PPOAgent

Function = tuple[str, str]
"""Where a file's path ends, and a function in it."""


class Part(NamedTuple):
    """All that happens in `functions`, but for what happens in the parts `without`."""

    functions: tuple[Function, ...]
    without: tuple[str, ...] = ()


REST = "stable-baselines3's own loop"

PARTS = {
    "environment: observations": Part(tuple(("envs/observations.py", name) for name in ("arrive", "remember", "read"))),
    "environment: new users": Part((("envs/users.py", "draw"), ("envs/users.py", "replace_rows"))),
    "environment: users": Part((("envs/vector.py", "step"),), ("environment: observations", "environment: new users")),
    "adapter": Part(
        (("agents/vec_env.py", "step_wait"),),
        ("environment: observations", "environment: new users", "environment: users"),
    ),
    "choosing actions": Part(
        (("common/policies.py", "forward"), ("common/policies.py", "predict_values"), ("dqn.py", "_sample_action"))
    ),
    "buffer: writing": Part(
        (("buffers.py", "add"), ("replay.py", "add"), ("buffers.py", "compute_returns_and_advantage"))
    ),
    "buffer: sampling": Part((("buffers.py", "get"), ("replay.py", "sample"))),
    "learning: backward": Part((("torch/_tensor.py", "backward"),)),
    "learning: optimiser": Part(
        (("optim/adam.py", "step"), ("optim/optimizer.py", "zero_grad"), ("utils/clip_grad.py", "clip_grad_norm_"))
    ),
    "learning: forward and loss": Part(
        (("ppo.py", "train"), ("proximal.py", "train"), ("dqn.py", "train")),
        ("buffer: sampling", "learning: backward", "learning: optimiser"),
    ),
}


def measure(scope: Scope) -> list[dict[str, Any]]:
    """A row for each of `PARTS`, and for the rest: its share in the training of each agent."""
    torch.set_num_threads(1)
    agents = (PPOAgent(), DQNAgent())
    of = {agent.name: _shares(learner(agent, scope.task), scope.scale) for agent in agents}
    return [{"name": part, **{agent: shares[part] for agent, shares in of.items()}} for part in (*PARTS, REST)]


def _shares(model: BaseAlgorithm, scale: float) -> dict[str, float]:
    """Share of each of `PARTS`, and of the rest, in a stretch of training.

    The profiler slows Python more than torch: what is said of the environment is too much rather than too little.
    """
    start(model)
    profiler = cProfile.Profile()
    profiler.enable()
    learn(model, steps_of(model, scale))
    profiler.disable()
    stats: Any = pstats.Stats(profiler)  # typeshed does not know its fields
    seconds = _seconds(stats.stats)
    seconds[REST] = stats.total_tt - sum(seconds.values())
    return {name: second / stats.total_tt for name, second in seconds.items()}


def _seconds(calls: dict[tuple[str, int, str], tuple[Any, ...]]) -> dict[str, float]:
    """Seconds of each part."""
    whole = {name: _inside(calls, part.functions) for name, part in PARTS.items()}
    return {name: whole[name] - sum(_own(whole, other) for other in part.without) for name, part in PARTS.items()}


def _own(whole: dict[str, float], name: str) -> float:
    return whole[name] - sum(_own(whole, other) for other in PARTS[name].without)


def _inside(calls: dict[tuple[str, int, str], tuple[Any, ...]], functions: tuple[Function, ...]) -> float:
    """Seconds in any of `functions`, where one calls another counted once."""

    def among(function: tuple[str, int, str]) -> bool:
        return any(function[0].endswith(file) and function[2] == name for file, name in functions)

    callers = [callers for function, (*_, callers) in calls.items() if among(function)]
    return float(sum(call[3] for each in callers for caller, call in each.items() if not among(caller)))
