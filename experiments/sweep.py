"""`recloop sweep`: a worker of a search for hyperparameters; start as many as there are machines."""

import argparse
import signal
import time
from typing import TYPE_CHECKING

from recloop.experiments.signals import Stopped
from recloop.experiments.sweep_settings import Settings, read_settings

if TYPE_CHECKING:
    from optuna import Study, Trial
    from rich.console import Console

    from recloop.experiments.progress import Reporter

_EXAMPLES = """\
words:
  sweep=NAME          a file of configs/sweep (ppo_default, dqn_default), or the path of one of your own
  study=NAME          everything goes to runs/sweeps/NAME
  sweep.KEY=VALUE     changes a key of that file: sweep.trials=100 sweep.seeds=[2000000] sweep.prune=false
  KEY=VALUE           a word of `recloop train` that every trial begins with: steps=20000 encoder=hashing

examples:
  recloop sweep sweep=ppo_default study=lr             one worker; the same command again adds another,
  recloop sweep sweep=ppo_default study=lr             here or elsewhere, or goes on after a crash
  recloop sweep sweep=dqn_default study=two sweep.prune=false \\
      "sweep.objectives={clicks_per_session: maximize, diversity: maximize}"
  recloop sweep sweep=ppo_default study=far sweep.storage=postgresql://user@host/db
"""


def main(words: list[str]) -> None:
    """Work on the study that `words` name until it is done, then say what it found.

    Raises:
        UsageError: naming key, value and remedy.
        Stopped: a signal has come; the trial under way is put back.
    """
    from rich.console import Console

    from recloop.experiments.display import display
    from recloop.experiments.sweep_report import conclude
    from recloop.experiments.sweep_study import open_study, quiet

    settings = read_settings(_words(words))
    with quiet():
        _rehearse(settings)
        study = open_study(settings)
        console = Console(stderr=True)
        console.print(f"{settings.study}: everything goes to {settings.folder}", soft_wrap=True, highlight=False)
        try:
            with display(settings.trials * len(settings.seeds), console) as reporter:
                _work(study, settings, reporter, console)
        except KeyboardInterrupt as stop:
            number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
            raise Stopped(number, f"give the same command again to go on with study {settings.study}") from None
        conclude(study, settings)


def _words(words: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(
        prog="recloop sweep",
        description="Search hyperparameters with Optuna: any number of workers, one budget, nothing lost.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="key=value", help="see below")
    return list(parser.parse_args(words).words)


def _rehearse(settings: Settings) -> None:
    """Refuse a space that cannot run before anything is tried: its first values, in the configuration."""
    from recloop.experiments.sweep_trial import configured, trial_words

    ends = {key: tried["choices"][0] if "choices" in tried else tried["low"] for key, tried in settings.space.items()}
    first = [f"{key}={value}" for key, value in ends.items()]
    configured([*trial_words(settings), *first, f"seed={settings.seeds[0]}"], settings.folder)


def _work(study: "Study", settings: Settings, reporter: "Reporter", console: "Console") -> None:
    from optuna import TrialPruned

    from recloop.experiments.sweep_study import SLOT, work
    from recloop.experiments.sweep_trial import play_trial

    def objective(trial: "Trial") -> list[float]:
        slot = trial.user_attrs[SLOT]
        told = "stopped, and put back"
        try:
            figures = play_trial(trial, slot, settings, reporter)
            told = ", ".join(f"{name} {value:.4g}" for name, value in zip(settings.objectives, figures, strict=True))
        except TrialPruned:
            told = "given up, below the median of the others"
            raise
        except Exception as error:
            told = f"failed: {error}".partition("\n")[0]
            raise
        finally:
            console.print(f"trial {slot + 1} of {settings.trials}: {told}", soft_wrap=True, highlight=False)
        return figures

    work(study, settings, objective, lambda: time.sleep(min(settings.heartbeat_seconds, 5)))
