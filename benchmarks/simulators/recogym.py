"""RecoGym, version 1: products viewed by users of their own will, between recommendations that they click or not.

Its package loads its agents with it, and they load torch and tensorflow; the environment needs neither, so that the
package's `__init__` is passed over here.
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np


def stepping(num_items: int) -> Callable[[int], None]:
    """With its own defaults."""
    env = _made(num_items)
    actions = np.random.default_rng(0).integers(num_items, size=4096).tolist()
    env.reset()
    env.step(None)  # what was viewed before the first recommendation

    def step(steps: int) -> None:
        for count in range(steps):
            _, _, done, _ = env.step(actions[count % len(actions)])
            if done:
                _start_anew(env)

    return step


def _start_anew(env: Any) -> None:
    """Users come until one of them stays to be recommended something."""
    done = True
    while done:
        env.reset()
        _, _, done, _ = env.step(None)


def _made(num_items: int) -> Any:
    package, agents = ModuleType("recogym"), ModuleType("recogym.agents")
    spec = find_spec("recogym")
    assert spec is not None
    package.__path__ = list(spec.submodule_search_locations or ())
    agents.Agent = object  # type: ignore[attr-defined]  # named in a type only
    sys.modules |= {"recogym": package, "recogym.agents": agents}
    from recogym.envs.reco_env_v1 import RecoEnv1, env_1_args

    env = RecoEnv1()
    env.init_gym({**env_1_args, "num_products": num_items, "random_seed": 0})
    return env
