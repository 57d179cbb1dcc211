"""When a training state is kept, and from which one a run goes on."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recloop.experiments.checkpoints import State, latest_state, remove_states, save_state
from recloop.experiments.journal import Journal

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

SHARE = 0.01
"""The most of training's time that keeping states may take."""


class Keeper:
    """Keeps the training states of one run, and finds the latest again.

    Args:
        folder: of the run's checkpoints.
        journal: of the run; its length belongs to each state.
        seconds: between two states, or longer where keeping one takes more than `SHARE` of that; 0 for every rollout.
        found: the state to go on from; None for the beginning.
    """

    def __init__(self, folder: Path, journal: Journal, seconds: float, found: State | None) -> None:
        self._folder, self._journal, self._seconds, self._found = folder, journal, seconds, found
        self._last, self._pause = time.monotonic(), seconds

    def put_back(self, model: "BaseAlgorithm") -> dict[str, Any] | None:
        """Bring `model` to where it was kept; what was kept of the record beside it, None for a new run."""
        from recloop.experiments.training_state import put_back

        if self._found is None:
            return None
        put_back(model, self._found)
        record: dict[str, Any] = self._found.facts["record"]
        record["points"] = [(steps, clicks) for steps, clicks in record["points"]]
        return record

    def is_due(self) -> bool:
        """Whether the last state is old enough."""
        return time.monotonic() - self._last >= self._pause

    def keep(self, model: "BaseAlgorithm", record: dict[str, Any]) -> None:
        """Keep `model` as it is between two rollouts, with the `record` of its rows."""
        from recloop.experiments.training_state import take

        began = time.monotonic()
        state = take(model)
        state.facts.update(record=record, journal=self._journal.length)
        save_state(self._folder, model.num_timesteps, state)
        self._last = time.monotonic()
        if self._seconds:
            self._pause = max(self._seconds, (self._last - began) / SHARE)

    def forget(self) -> None:
        """Training has come to its end."""
        remove_states(self._folder)


def kept(folder: Path, *, resume: bool) -> tuple[State | None, int | None]:
    """The state in `folder` from which a run goes on, and the length of its journal when it was kept.

    Without a state a run that is resumed begins anew, with an empty journal.
    """
    if not resume:
        return None, None
    state = latest_state(folder)
    return state, state.facts["journal"] if state else 0
