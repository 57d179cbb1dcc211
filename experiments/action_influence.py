"""Does what is recommended change what comes next? If not, the environment is a contextual bandit."""

from typing import TYPE_CHECKING

import numpy as np

from recloop.agents.policy import Ints

if TYPE_CHECKING:
    from recloop.envs.task import Task
    from recloop.envs.users import Users

_USERS = 256


def action_influence(task: "Task", seed: int = 0) -> float:
    """AI: the share of (user's state, two recommendations, luck) after which the next hidden states differ.

    With the luck given the next state is certain, so that this is the mean total-variation distance between next states
    of two different recommendations under the same luck. States are those of 256 users along sessions of random
    recommendations, the last step left out, for nothing comes after it; the clock is no part of the state. Exactly 0
    certifies a bandit: nobody can gain by looking ahead. Patience is a part of the state: where clicks keep a user and
    misses lose one, what is recommended does change what comes next, even if taste and boredom stand still. (Greedy
    may be right there all the same, which then says the uplift: the item most likely to be clicked also keeps the user
    longest.)

    Clicks that are rare may all be missed by the luck that was drawn. So where nothing differed but the expected next
    states do, AI is the upper end of its 95 % interval, 3 over the number of comparisons, instead of 0.

    Where repeats are false, what was shown is a part of the state, and every recommendation changes it: AI is 1.
    """
    if not task.actions.repeats:
        return 1.0
    rng, simulator = np.random.default_rng(seed), task.simulator
    users = simulator.draw(_USERS, rng)
    compared = differing = expected = 0
    for _ in range(simulator.sessions.max_steps - 1):
        one, other = _recommended(task, rng), _recommended(task, rng)
        noise = rng.random(one.shape, np.float32)
        after, instead = (simulator.step(users, items, noise)[0] for items in (one, other))
        there = ~np.logical_or(*simulator.sessions.ended(users)) & (one != other).reshape(_USERS, -1).any(axis=1)
        compared += int(there.sum())
        differing += int((_differ(after, instead) & there).sum())
        likely = (simulator.expected_step(users, items)[0] for items in (one, other))
        expected += int((_differ(*likely) & there).sum())
        users = after
    if differing == 0 and expected:
        return 3 / compared
    return differing / max(compared, 1)


def _recommended(task: "Task", rng: np.random.Generator) -> Ints:
    """Random recommendations, [users] or [users, slate]."""
    from recloop.envs.slates import draw_slates

    slate = task.simulator.choice.slate
    slates = draw_slates(rng, _USERS, task.simulator.world.num_items, slate, task.slots)
    return slates[:, 0] if slate == 1 else slates


def _differ(one: "Users", other: "Users") -> np.ndarray:
    """Whose hidden states are not the same to the last bit, [n]."""
    fields = [(getattr(one, name), getattr(other, name)) for name in one._fields if name not in ("who", "clock")]
    differing = [(left != right).reshape(len(left), -1).any(axis=1) for left, right in fields if left.size]
    return np.asarray(np.logical_or.reduce(differing))
