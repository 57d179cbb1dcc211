"""When a session ends."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recloop.envs import kernels
from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.users import Users

# Arrays, since numpy converts a plain number at every step, which takes longer than the comparison.
_NONE = np.array(1e-6, np.float32)  # ten losses of 0.1 are not exactly 1 in float32
_ONE_STEP = np.array(1)


def next_step(clock: Ints) -> Ints:
    """The clock [n] one step later."""
    later: Ints = clock + _ONE_STEP
    return later


@dataclass(frozen=True)
class Patience:
    """A user who is not pleased leaves; nobody stays longer than `max_steps`.

        patience' = min(1, patience + gain * click - loss * (1 - click))

    The user leaves when no patience is left (terminated); the last step of a session is a truncation.

    Args:
        max_steps: longest session.
        gain: patience won by a click.
        loss: patience lost by a recommendation that was not clicked.
    """

    max_steps: int = 40
    gain: float = 0.15
    loss: float = 0.1

    def __post_init__(self) -> None:
        """Sessions have a length."""
        if self.max_steps < 1:
            raise ValueError(f"max_steps is {self.max_steps}; a session has at least 1 step")

    @cached_property
    def _longest(self) -> Ints:
        return np.array(self.max_steps)

    def advance(self, users: Users, click: Floats) -> Users:
        """One step on the clock, and patience won or lost by the answer `click` [n]."""
        patience = kernels.pass_time(users.patience, click, self.gain, self.loss)
        return Users(users.who, users.taste, users.profile, users.exposure, patience, next_step(users.clock), users.own)

    def ended(self, users: Users) -> tuple[Bools, Bools]:
        """Who has left (terminated) [n] and whose time is up (truncated) [n]; leaving comes first."""
        left = users.patience <= _NONE  # [n]
        return left, (users.clock >= self._longest) > left
