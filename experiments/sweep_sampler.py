"""Where the parameters of a trial come from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, TPESampler

from recloop.experiments.seeding import streams
from recloop.experiments.sweep_study import SLOT

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState


class SlotSampler(BaseSampler):
    """The Tree-structured Parzen Estimator (Bergstra et al., NeurIPS 2011), seeded by the number of the slot.

    What it proposes depends on the slot and on the trials that have ended, not on the process that asks: a study that
    was interrupted goes on as it would have, and trials drawn at random are the same however many workers there are.

    Args:
        startup_trials: that end before it proposes; until then parameters are drawn at random.
    """

    def __init__(self, startup_trials: int) -> None:
        self._startup_trials = startup_trials
        self._sampler = self._seeded(0)

    def _seeded(self, slot: int) -> TPESampler:
        seed = int(streams(slot, "sweep")["sweep"].integers(2**32))
        return TPESampler(seed=seed, n_startup_trials=self._startup_trials, multivariate=True)

    def before_trial(self, study: "Study", trial: "FrozenTrial") -> None:
        """Begin the random numbers of the trial's slot."""
        self._sampler = self._seeded(trial.user_attrs.get(SLOT, 0))
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: "Study", trial: "FrozenTrial") -> "dict[str, BaseDistribution]":
        """See optuna."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: "Study", trial: "FrozenTrial", search_space: "dict[str, BaseDistribution]"
    ) -> dict[str, Any]:
        """See optuna."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: "Study", trial: "FrozenTrial", param_name: str, param_distribution: "BaseDistribution"
    ) -> Any:
        """See optuna."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: "Study", trial: "FrozenTrial", state: "TrialState", values: Sequence[float] | None
    ) -> None:
        """See optuna."""
        self._sampler.after_trial(study, trial, state, values)
