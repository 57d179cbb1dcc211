"""Play policies on the same users with the same luck."""

from typing import NamedTuple

import numpy as np

from recloop.agents.finite import refuse_not_finite
from recloop.agents.policy import Policy
from recloop.envs.catalog import Floats, Ints
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.experiments.sessions import Sessions


class Luck(NamedTuple):
    """All the chance in a set of sessions, drawn beforehand: every policy meets the same (common random numbers)."""

    who: Ints  # [sessions] rows of the population's data
    arrival: Floats  # [sessions, luck] standard normal
    clicks: Floats  # [steps, sessions] uniform in [0, 1); [steps, sessions, slate] for slates

    @staticmethod
    def draw(simulator: Simulator, sessions_per_user: int, seed: int) -> "Luck":
        """Luck for `sessions_per_user` sessions of every member of the population."""
        rng = np.random.default_rng(seed)
        who = np.repeat(simulator.population.members, sessions_per_user)
        arrival = rng.standard_normal((len(who), simulator.luck), np.float32)
        shape = (len(who),) if simulator.choice.slate == 1 else (len(who), simulator.choice.slate)
        return Luck(who, arrival, rng.random((simulator.sessions.max_steps, *shape), np.float32))


def play(task: Task, policy: Policy, luck: Luck) -> Sessions:
    """The sessions of `policy` under `luck`; a policy's choice never changes anybody else's luck.

    Raises:
        FloatingPointError: an observation or a reward is NaN or infinite; says whose.
    """
    steps, n = luck.clicks.shape[:2]
    slate = task.simulator.choice.slate
    session = task.arrive(task.simulator.arrive(luck.who, luck.arrival))
    items = np.full((n, steps, slate), -1, np.int32)  # [sessions, steps, slate]
    clicks, rewards = np.zeros((n, steps, slate), np.float32), np.zeros((n, steps), np.float32)
    under_way, start, memory = np.ones(n, bool), np.ones(n, bool), None
    for step in range(steps):
        observation = task.read(session)
        refuse_not_finite("observation", observation, luck.who)
        actions, memory = policy.predict(observation, state=memory, episode_start=start, deterministic=True)
        session, outcome = task.step(session, actions, luck.clicks[step])
        refuse_not_finite("reward", outcome.reward, luck.who)
        items[under_way, step] = actions.reshape(n, slate)[under_way]
        clicks[under_way, step] = outcome.response.click.reshape(n, slate)[under_way]
        rewards[under_way, step] = outcome.reward[under_way]
        under_way &= ~(outcome.terminated | outcome.truncated)
        start = np.zeros(n, bool)
        if not under_way.any():
            break
    return Sessions(luck.who.astype(np.int32), items.reshape(n, -1), clicks.reshape(n, -1), rewards)
