"""RecSim, interest evolution: users whose interest in topics moves with the videos they watch; a budget of time."""

from collections.abc import Callable

import numpy as np
from recsim.environments.interest_evolution import create_environment


def stepping(num_items: int) -> Callable[[int], None]:
    """Slates of one of the candidates, which stay the same."""
    config = {"num_candidates": num_items, "slate_size": 1, "resample_documents": False, "seed": 0}
    env = create_environment(config)
    env.reset()
    actions = np.random.default_rng(0).integers(num_items, size=(4096, 1))

    def step(steps: int) -> None:
        for count in range(steps):
            _, _, done, _ = env.step(actions[count % len(actions)])
            if done:
                env.reset()

    return step
