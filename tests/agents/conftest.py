"""A small task, and what an agent is told of its items."""

import numpy as np
import pytest

from recloop.agents.policy import Floats, ItemSpace
from recloop.envs.task import Task


def space_of(task: Task) -> ItemSpace:
    items = task.observation.items
    return ItemSpace(items.vectors, items.quality, items.popularity, task.layout)


@pytest.fixture(scope="session")
def task() -> Task:
    return Task.synthetic(60, 8, max_steps=20)


@pytest.fixture(scope="session")
def items(task: Task) -> ItemSpace:
    return space_of(task)


@pytest.fixture
def observations(items: ItemSpace) -> Floats:
    """As a batch in the middle of its sessions might see, [50, size]."""
    size = max(block.stop for block in items.layout.values())
    return np.random.default_rng(0).standard_normal((50, size)).astype(np.float32)
