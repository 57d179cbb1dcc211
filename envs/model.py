"""The world as a model: what a planner that knows the hidden state may ask."""

import numpy as np

from recloop.envs.catalog import Floats, Ints
from recloop.envs.rewards import Step
from recloop.envs.task import Task, oracle_of


class TrueModel:
    """From the reading of `Oracle` and an item, or a slate, to the next reading and the reward.

    Args:
        task: whose world and reward it is; what its agent sees does not matter.
    """

    def __init__(self, task: Task) -> None:
        self.simulator, self.reward = task.simulator, task.reward
        self.oracle, self.actions = oracle_of(task.simulator), task.seeing_everything().actions

    def step(self, observations: Floats, items: Ints) -> tuple[Floats, Floats, Floats]:
        """Expected next observations [n, size], rewards [n], and 1 where the session goes on, 0 where it ends, [n]."""
        before = self.oracle.users(observations)
        after, response = self.simulator.expected_step(before, items)
        left, over = self.simulator.sessions.ended(after)
        reward = self.reward(Step(before, after, items, response, left), self.simulator.world)
        following = self.oracle.read(after)
        if self.actions.remembers:
            offered = self.actions.remember(self.actions.recall(observations), items, response.click)
            following = self.actions.read(offered, following)
        return following, reward, (~(left | over)).astype(np.float32)
