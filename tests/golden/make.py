"""`python tests/golden/make.py` stores a short trajectory of every registered version of the environment without one.

A stored one is never written over: whoever changes what happens in an environment gives it a new version number.
"""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import recloop.envs  # noqa: F401 (registers the environments)

FOLDER = Path(__file__).parent
SEED, STEPS, VALUES = 7, 60, 5


def versions() -> list[str]:
    """The names of all that are registered: `Recommend-v0`."""
    return sorted(name.removeprefix("recloop/") for name in gymnasium.registry if name.startswith("recloop/"))


def place(version: str) -> Path:
    """Where its trajectory is stored."""
    return FOLDER / f"{version}.json"


def recommendations(env: Any) -> list[Any]:
    """What is recommended, step by step: random at odd steps, else the best for what was observed."""
    rng, observation = np.random.default_rng(SEED), env.reset(seed=SEED)[0]
    catalog, slate = env.unwrapped.task.observation.items, env.unwrapped.task.simulator.choice.slate
    actions = []
    for step in range(STEPS):
        scores = catalog.vectors @ observation[env.unwrapped.layout["state"]]
        scores = rng.random(len(scores)) if step % 2 else scores
        best = np.argsort(-scores)[:slate]
        actions.append(best.tolist() if slate > 1 else int(best[0]))
        observation, _, terminated, truncated, _ = env.step(np.array(actions[-1]))
        observation = env.reset()[0] if terminated or truncated else observation
    return actions


def play(version: str, seed: int, actions: list[Any]) -> dict[str, Any]:
    """What comes of the actions: rewards, ends of sessions, and a few values of each observation."""
    env = gymnasium.make(f"recloop/{version}")
    observation = env.reset(seed=seed)[0]
    spread = np.linspace(0, len(observation) - 1, VALUES).astype(int)
    seen: dict[str, list[Any]] = {"rewards": [], "terminated": [], "truncated": [], "observations": []}
    for action in actions:
        observation, reward, terminated, truncated, _ = env.step(np.array(action))
        values = [round(float(value), 7) for value in observation[spread]]
        for row, value in zip(seen.values(), (round(float(reward), 7), terminated, truncated, values), strict=True):
            row.append(value)
        if terminated or truncated:
            env.reset()
    return seen


def main() -> None:
    """Write what is missing."""
    for version in versions():
        if place(version).exists():
            print(f"{version}: is stored already and stays as it is")
            continue
        actions = recommendations(gymnasium.make(f"recloop/{version}"))
        stored = {"version": version, "seed": SEED, "actions": actions, **play(version, SEED, actions)}
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in stored.items())
        place(version).write_text(f"{{\n{lines}\n}}\n")
        print(f"{version}: written to {place(version)}")


if __name__ == "__main__":
    main()
