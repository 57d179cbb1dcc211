"""The `recloop` command."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recloop.experiments.arguments import did_you_mean
from recloop.experiments.signals import Stopped, heard

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Command(NamedTuple):
    """What `recloop NAME ...` runs: a function of the words after the name, imported when it is called."""

    place: str  # "module:function"
    line: str  # what it is for


COMMANDS = {
    "train": Command(
        "recloop.experiments.cli:train", "train agents in a simulated environment, write table and report"
    ),
    "reproduce": Command("recloop.experiments.reproduce:main", "run a logged run again and compare, bit by bit"),
    "evaluate": Command("recloop.experiments.reevaluate:main", "play a run's agent in another environment"),
    "recommend": Command("recloop.experiments.recommend:main", "recommend to real people with a run's agent"),
    "explain": Command("recloop.experiments.explain:main", "say why a run's agent recommends what it does"),
    "report": Command("recloop.experiments.compare:main", "compare runs, groups and seeds on one page"),
    "data": Command("recloop.experiments.data:main", "check a data set of your own"),
    "check-env": Command("recloop.experiments.check_env:main", "try whether an environment keeps its contract"),
    "encode": Command(
        "recloop.experiments.encode:main", "read a long list of texts, with as many processes as there are"
    ),
    "gap": Command("recloop.experiments.gap:main", "say of an environment what planning is worth in it"),
    "fidelity": Command("recloop.experiments.fidelity:main", "say how well scores predict what real people liked"),
    "distil": Command(
        "recloop.experiments.distil:main", "let a language model play users, and teach a student that is quick"
    ),
    "finetune": Command("recloop.experiments.finetune:main", "teach an encoder from what people liked"),
    "log": Command("recloop.experiments.log:main", "record sessions of a policy, with propensities, for Minari"),
    "ope": Command("recloop.experiments.off_policy:main", "estimate policies from the log of another one"),
    "ab": Command("recloop.experiments.ab:main", "compare two policies on the same users, stopping when it is clear"),
    "sweep": Command("recloop.experiments.sweep:main", "search hyperparameters with Optuna, any number of workers"),
}


_LONGEST = 2000
"""Characters of a complaint."""


def _help() -> str:
    lines = "".join(f"  {name:<11}{command.line}\n" for name, command in COMMANDS.items())
    return f"""\
recloop: recommendation as a closed loop

usage: recloop COMMAND ...

commands:
{lines}
  recloop COMMAND --help            what it takes
  recloop train experiment=quickstart

options:
  --help, -h    this page
  --version     the version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 a fault of ours, 2 a mistake in the input, 128 + n a signal."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("--help", "-h", "help"):
        print(_help(), end="")
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"recloop {version('recloop')}")
        return 0
    if words[0] not in COMMANDS:
        hint = did_you_mean(words[0], COMMANDS)
        return _complain(f"{words[0]!r} is no command{hint}; `recloop --help` lists them")
    module, _, function = COMMANDS[words[0]].place.partition(":")
    try:
        with heard():
            return _guarded(lambda: getattr(import_module(module), function)(words[1:]), words[1:])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt as stop:
        print(f"recloop: stopped{f'; {stop}' if str(stop) else ''}", file=sys.stderr)
        return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def train(words: list[str]) -> None:
    """`recloop train`: hand over to Hydra, which reads the command line itself."""
    import hydra
    from hydra.core.hydra_config import HydraConfig

    from recloop.encoders.files import cache_folder
    from recloop.experiments.compose import CONFIGS, PRIMARY
    from recloop.experiments.flags import check_flags
    from recloop.experiments.grid import cell, naming
    from recloop.experiments.run import TOLD

    # Hydra would take -m in the middle for the end of the overrides
    ordered = sorted(words, key=lambda word: word not in ("-m", "--multirun"))
    sys.argv = ["recloop train", *ordered]
    check_flags(ordered, [*TOLD, "resume"])
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach `_guarded`, which says them in one line
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))  # and not the home folder
    if is_grid := not {"-m", "--multirun"}.isdisjoint(words):
        sys.argv.append(naming(words))

    def start(cfg: "DictConfig") -> None:
        from recloop.experiments.launch import launch

        if status := _guarded(lambda: launch(cfg, Path(cfg.run_dir), list(HydraConfig.get().overrides.task)), words):
            sys.exit(status)  # passes through Hydra, which would report an exception in its own way

    hydra.main(config_path=f"pkg://{CONFIGS}", config_name=PRIMARY, version_base="1.3")(cell if is_grid else start)()


def _guarded(command: Callable[[], None], words: Sequence[str]) -> int:
    """The exit status of `command`; mistakes of the user's are said in one line."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from recloop.experiments.compose import explain, is_hydras
    from recloop.experiments.errors import UsageError

    try:
        command()
    except (UsageError, FloatingPointError) as error:
        return _complain(str(error))
    except (HydraException, OmegaConfBaseException, ValueError, TypeError, RecursionError) as error:
        if not is_hydras(error):
            raise
        return _complain(explain(error, [word for word in words if not word.startswith("-")]))
    except OSError as error:
        if error.errno is None or isinstance(error, BrokenPipeError):
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(
            f"{where}{os.strerror(error.errno)}; free some room, or choose another folder with run_dir=..."
        )
    return 0


def _complain(line: str) -> int:
    """Say what is wrong: one line, whatever signs a value holds that somebody else has written."""
    plain = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
    shown = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST // 2]} ... {plain[-_LONGEST // 2 :]}"
    print(f"recloop: {shown}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
