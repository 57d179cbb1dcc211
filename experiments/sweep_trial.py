"""One trial of a sweep: a few ordinary runs, on tuning seeds and validation users."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig

from recloop.experiments import metrics
from recloop.experiments.progress import Reporter
from recloop.experiments.signals import Stopped
from recloop.experiments.sweep_settings import LUCK, Settings

if TYPE_CHECKING:
    from optuna import Trial

    from recloop.experiments.sessions import Sessions
    from recloop.experiments.setting import Setting


def play_trial(trial: "Trial", slot: int, settings: Settings, reporter: Reporter) -> list[float]:
    """The objectives of the parameters that `trial` chooses, each the mean over the tuning seeds.

    The runs are kept in the study's folder, in `trials/SLOT-TRIAL/SEED`.

    Raises:
        TrialPruned: it does not look promising.
        Stopped: a signal has come.
        UsageError: the parameters cannot run.
    """
    from optuna import TrialPruned

    from recloop.experiments.run import opened, recorded, run
    from recloop.experiments.setting import build_setting

    words = [*trial_words(settings), *chosen(trial, settings.space)]
    watch = Watch(trial, settings.prune)
    figures: list[list[float]] = []
    setting = None
    for seed in settings.seeds:
        folder = settings.folder / "trials" / f"{slot:03}-{trial.number}" / str(seed)
        cfg = configured([*words, f"seed={seed}"], folder)
        setting = setting or build_setting(cfg)
        label = f"trial {slot + 1} of {settings.trials}, seed {seed}"
        try:
            command = ["train", *words, f"seed={seed}"]
            with (
                recorded(cfg, folder, command, [seed], setting.fingerprints, setting.fidelity),
                opened(cfg, folder) as records,
            ):
                played = run(cfg, folder, setting, records, None, reporter, label, on_point=watch)
        except Stopped:
            if watch.pruned:
                raise TrialPruned from None
            raise
        figures.append(measured(played.sessions[0], setting, settings.objectives))
        watch.end_of_seed(float(played.curves[0].clicks_per_session[-1]))
    return [float(value) for value in np.mean(figures, axis=0)]


def trial_words(settings: Settings) -> list[str]:
    """What every trial is trained with, before its parameters."""
    users = [f"env.population.validation={settings.validation}", f"evaluation.seed={LUCK}"]
    return ["tracking=none", f"name={settings.study}", *settings.words, *users]


def configured(words: list[str], folder: Path) -> DictConfig:
    """The configuration of a run of a trial, checked."""
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check, check_agent

    cfg = composed([*words, f"run_dir={folder}"])
    check(cfg)
    check_agent(cfg)
    return cfg


def chosen(trial: "Trial", space: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The words of `recloop train` that `trial` suggests."""
    return [f"{key}={_suggested(trial, key, tried)}" for key, tried in space.items()]


def _suggested(trial: "Trial", key: str, tried: Mapping[str, Any]) -> Any:
    if "choices" in tried:
        return trial.suggest_categorical(key, tried["choices"])
    suggest = trial.suggest_int if all(isinstance(tried[end], int) for end in ("low", "high")) else trial.suggest_float
    return suggest(key, tried["low"], tried["high"], log=tried.get("log", False))


def measured(sessions: "Sessions", setting: "Setting", objectives: Mapping[str, str]) -> list[float]:
    """The metrics that are called `objectives`."""
    vectors = setting.held_out.simulator.world.vectors
    further = {"coverage": (len(vectors),), "diversity": (vectors,)}
    return [getattr(metrics, name)(sessions, *further.get(name, ())) for name in objectives]


class Watch:
    """Looks at every evaluation while the agents of a trial train, and ends one that is not worth its time.

    A trial is worth, so far, the mean of the seeds that have ended and of where the present one is; that is held
    against what other trials were worth at the same point.
    """

    def __init__(self, trial: "Trial", prune: bool) -> None:
        self._trial, self._prune = trial, prune
        self._ended: list[float] = []
        self._points = 0
        self.pruned = False

    def __call__(self, steps: int, clicks_per_session: float) -> None:
        """Take note of an evaluation; raises Stopped to end training."""
        if not self._prune or steps == 0:  # an agent that has learned nothing tells nothing
            return
        self._trial.report(float(np.mean([*self._ended, clicks_per_session])), self._points)
        self._points += 1
        self.pruned = self._trial.should_prune()
        if self.pruned:
            raise Stopped(signal.SIGTERM, "it stayed below the median of the other trials")

    def end_of_seed(self, clicks_per_session: float) -> None:
        """Take note that a seed has ended there."""
        self._ended.append(clicks_per_session)
