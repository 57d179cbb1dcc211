"""The `recloop` command."""

import os
import sys
from collections.abc import Callable, Sequence

HELP = """\
recloop: recommendation as a closed loop

usage: recloop COMMAND [key=value ...]

commands:
  train     train agents in a simulated environment, compare them with the baselines, write a report
            recloop train --help            groups and keys
            recloop train experiment=quickstart

options:
  --help, -h    this page
  --version     the version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 a fault of ours, 2 a mistake in the input, 130 Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("--help", "-h", "help"):
        print(HELP, end="")
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"recloop {version('recloop')}")
        return 0
    if words[0] != "train":
        return _complain(f"{words[0]!r} is no command; `recloop --help` lists them")
    return _guarded(lambda: _train(words[1:]))


def _train(words: list[str]) -> None:
    """Hand over to Hydra, which reads the command line itself."""
    import hydra
    from omegaconf import DictConfig

    from recloop.experiments.compose import CONFIGS, PRIMARY, register_resolvers

    register_resolvers()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach `_guarded`, which says them in one line
    sys.argv = ["recloop train", *words]

    @hydra.main(config_path=f"pkg://{CONFIGS}", config_name=PRIMARY, version_base="1.3")
    def start(cfg: DictConfig) -> None:
        from pathlib import Path

        from hydra.core.hydra_config import HydraConfig

        from recloop.experiments.launch import launch

        settings = HydraConfig.get()
        launch(cfg, Path(settings.runtime.output_dir), list(settings.overrides.task))

    start()


def _guarded(command: Callable[[], None]) -> int:
    """The exit status of `command`; mistakes of the user's are said in one line."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from recloop.experiments.errors import UsageError

    try:
        command()
    except (UsageError, HydraException, OmegaConfBaseException) as error:
        return _complain(_in_one_line(error))
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{os.strerror(error.errno)}; free some room or choose another run_dir")
    except KeyboardInterrupt as stop:
        print(f"stopped{f': {stop}' if str(stop) else ''}", file=sys.stderr)
        return 130
    return 0


def _in_one_line(error: Exception) -> str:
    """Hydra explains over several lines; the first ones say what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:2]) if lines else type(error).__name__


def _complain(line: str) -> int:
    print(f"recloop: {line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
