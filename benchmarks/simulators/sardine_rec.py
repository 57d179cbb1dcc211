"""SARDINE: items and users of 10 topics, boredom, influence of clicks; its single-item setting that has both."""

from collections.abc import Callable

import gymnasium
import numpy as np
from sardine.simulator import Sardine  # whose package registers its settings


def stepping(num_items: int) -> Callable[[int], None]:
    """Without Gymnasium's wrappers, which would slow it down."""
    np.random.seed(0)  # noqa: NPY002 - where it draws its items from
    setting = gymnasium.spec("sardine/SingleItem-BoredInf-v0").kwargs
    env = Sardine(**{**setting, "num_items": num_items, "env_embedds": None})
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(num_items, size=(4096, 1))

    def step(steps: int) -> None:
        for count in range(steps):
            _, _, terminated, truncated, _ = env.step(actions[count % len(actions)])
            if terminated or truncated:
                env.reset()

    return step
