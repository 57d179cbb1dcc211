"""The study that all workers of a sweep share: which trials there are, whose turn it is, and what is left to do.

The budget is a number of slots. A slot is filled by the trial that completes it or is pruned; a trial that raised an
error counts, too. One whose worker died does not: the slot is tried again, with the same parameters. Of several trials
of one slot, as a race may make them, the first that lives is the rightful one. So every slot is filled exactly once,
whoever dies and whenever.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from recloop.experiments.errors import UsageError
from recloop.experiments.resume import differences
from recloop.experiments.sweep_settings import Settings

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

Objective: TypeAlias = "Callable[[Trial], Sequence[float]]"

SLOT, ERROR, STOPPED = "slot", "error", "stopped"
"""Attributes of a trial: the number of its slot, why it failed, whether somebody stopped its worker."""

DEATHS = 5
"""Workers that one slot may cost."""

_IDENTITY = "recloop"
_LOCK = ".lock"
_GRACE = 3  # heartbeats that may be missed
_WARMUP_POINTS = 2
_LOCKED_SECONDS = 120  # that a worker waits for the others to let go of an sqlite file


@contextmanager
def quiet() -> Iterator[None]:
    """Within the block Optuna says nothing, and does not warn that heartbeats are called experimental."""
    try:
        import optuna
    except ImportError:
        raise UsageError("recloop sweep needs Optuna; install it with pip install 'recloop[sweep]'") from None
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(settings: Settings) -> "Study":
    """The study, made if there is none yet.

    Raises:
        UsageError: the storage cannot be reached, or the study was made with other settings.
    """
    import optuna
    from filelock import FileLock
    from sqlalchemy.exc import SQLAlchemyError

    from recloop.experiments.sweep_sampler import SlotSampler

    points = optuna.pruners.MedianPruner(n_warmup_steps=_WARMUP_POINTS)
    settings.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.folder / _LOCK):  # of two that find no tables, both would make them
        try:
            study = optuna.create_study(
                storage=_storage(settings),
                study_name=settings.study,
                sampler=SlotSampler(settings.startup_trials),
                pruner=points if settings.prune else optuna.pruners.NopPruner(),
                directions=list(settings.objectives.values()),
                load_if_exists=True,
            )
        except (SQLAlchemyError, ImportError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"sweep.storage: {settings.url.partition('://')[0]} database: {reason}") from error
        _agree(study, settings)
    return study


def _storage(settings: Settings) -> Any:
    from optuna.storages import RDBStorage

    waits = {"connect_args": {"timeout": _LOCKED_SECONDS}} if settings.url.startswith("sqlite") else {}
    heartbeat = settings.heartbeat_seconds
    return RDBStorage(settings.url, waits, heartbeat_interval=heartbeat, grace_period=_GRACE * heartbeat)


def _agree(study: "Study", settings: Settings) -> None:
    before = study.user_attrs.get(_IDENTITY)
    if before is None:
        study.set_user_attr(_IDENTITY, settings.identity)
        return
    for key, now, then in differences(settings.identity, before):
        raise UsageError(
            f"sweep.{key} is {now!r}, but study {settings.study} has {then!r}; give the same words, or another study="
        )


def work(study: "Study", settings: Settings, objective: Objective, idle: Callable[[], None]) -> None:
    """Run trials until every slot is filled, by this worker or another; `idle` passes the time meanwhile."""
    from filelock import FileLock
    from optuna.storages import fail_stale_trials

    turn = FileLock(settings.folder / _LOCK)  # saves surplus trials; without it, elsewhere, they are told apart
    while True:
        with turn:
            fail_stale_trials(study)
            tries = attempts(study, settings.trials)
            left = [slot for slot in range(settings.trials) if not _filled(tries[slot])]
            free = [slot for slot in left if not _lives(tries[slot])]
            if free:
                study.enqueue_trial(_parameters(tries[free[0]]), user_attrs={SLOT: free[0]})
            if free or _waiting(study):
                _take(study, settings.trials, objective, turn)
                continue
        if not left:
            return
        idle()


def _take(study: "Study", slots: int, objective: Objective, turn: "BaseFileLock") -> None:
    """Run the next trial of the queue. An error of its own is written down; what comes back too late is dropped."""
    from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
    from optuna.trial import TrialState

    taken: list[int] = []

    def guarded(trial: "Trial") -> Sequence[float]:
        turn.release(force=True)
        taken.append(trial.number)
        if not _rightful(study, trial, slots):
            raise _SurplusError
        try:
            return objective(trial)
        except TrialPruned:
            raise
        except KeyboardInterrupt:
            trial.set_user_attr(STOPPED, True)
            raise
        except Exception as error:
            trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}".partition("\n")[0])
            raise

    try:
        study.optimize(guarded, n_trials=1, catch=(Exception,))
    except (ValueError, UpdateFinishedTrialError):
        if study.get_trials(deepcopy=False)[taken[0]].state is not TrialState.FAIL:
            raise
        # it was silent for so long that another worker has its slot now


class _SurplusError(Exception):
    """A trial that the budget has no slot for, or whose slot another one has."""


def attempts(study: "Study", slots: int) -> "list[list[FrozenTrial]]":
    """The trials of every slot, by rising number, the surplus ones included."""
    found: list[list[FrozenTrial]] = [[] for _ in range(slots)]
    for trial in study.get_trials(deepcopy=False):
        if (slot := trial.user_attrs.get(SLOT, slots)) < slots:
            found[slot].append(trial)
    return found


def _filled(tries: "Sequence[FrozenTrial]") -> bool:
    from optuna.trial import TrialState

    done = any(one.state in (TrialState.COMPLETE, TrialState.PRUNED) or ERROR in one.user_attrs for one in tries)
    deaths = sum(one.state is TrialState.FAIL and STOPPED not in one.user_attrs for one in tries)
    return done or deaths >= DEATHS


def _lives(tries: "Sequence[FrozenTrial]") -> bool:
    """Whether one of them runs, waits, or has filled the slot."""
    from optuna.trial import TrialState

    return any(one.state is not TrialState.FAIL or ERROR in one.user_attrs for one in tries)


def _waiting(study: "Study") -> bool:
    from optuna.trial import TrialState

    return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))


def _parameters(tries: "Sequence[FrozenTrial]") -> dict[str, Any]:
    """What the slot was tried with before."""
    return {name: value for one in tries for name, value in one.params.items()}


def _rightful(study: "Study", trial: "Trial", slots: int) -> bool:
    """Whether no earlier trial of its slot lives."""
    slot = trial.user_attrs.get(SLOT, slots)
    return slot < slots and not _lives([one for one in attempts(study, slots)[slot] if one.number < trial.number])
