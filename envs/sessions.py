"""When a session ends."""

from dataclasses import dataclass

from recloop.envs import kernels
from recloop.envs.catalog import Bools, Floats
from recloop.envs.users import Users


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

    def advance(self, users: Users, click: Floats) -> Users:
        """One step on the clock, and patience won or lost."""
        patience, clock = kernels.pass_time(users.patience, users.clock, click, self.gain, self.loss)
        return Users(users.who, users.taste, users.profile, users.exposure, patience, clock)

    def ended(self, users: Users) -> tuple[Bools, Bools]:
        """Who has left (terminated) [n] and whose time is up (truncated) [n]; leaving comes first."""
        ended: tuple[Bools, Bools] = kernels.ended(users.patience, users.clock, self.max_steps)
        return ended
