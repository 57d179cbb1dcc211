"""Other simulators, each in a virtual environment of its own, driven from here line by line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from typing import IO

from benchmarks.measure import Pace

SCRIPTS = Path(__file__).parent / "simulators"


class AbsentError(Exception):
    """A simulator that does not install or does not run, and why, in one line."""


def installed(script: str, cache: Path) -> Path:
    """Python of an environment that has what `simulators/SCRIPT.txt` lists; made below `cache` when it is not there.

    Raises:
        AbsentError: pip refuses.
    """
    wanted = SCRIPTS / f"{script}.txt"
    folder = cache / "simulators" / f"{script}-{sha256(wanted.read_bytes()).hexdigest()[:12]}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        rmtree(folder, ignore_errors=True)  # of an attempt that was interrupted
        print(f"installing {script} into {folder}", file=sys.stderr)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(wanted))
        done.touch()
    return python


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if line.startswith("ERROR: ")]
        raise AbsentError((errors or ran.stderr.splitlines() or ["no reason given"])[-1].removeprefix("ERROR: "))


class Visitor:
    """A simulator that runs in another process and waits whenever it is not asked.

    Args:
        process: `simulators/timer.py`.
        errors: where it writes what goes wrong.
    """

    def __init__(self, process: "subprocess.Popen[str]", errors: IO[str]) -> None:
        self._process, self._errors = process, errors

    def pace(self, steps: int) -> Pace:
        """How quickly it takes so many steps, by its own clocks.

        Raises:
            AbsentError: it ended instead.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{steps}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise AbsentError(self._last_words()) from None
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise AbsentError(self._last_words())
        spent = json.loads(line)
        return Pace(spent["steps"] / spent["wall"], spent["steps"] / spent["cpu"])

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return (self._errors.read().splitlines() or ["it ended without a word"])[-1]


@contextmanager
def visiting(python: Path, script: Path, num_items: int) -> Iterator[Visitor]:
    """Let the simulator of `script` run under `python`; it ends with the block."""
    command = [str(python), "-I", str(SCRIPTS / "timer.py"), str(script), str(num_items)]
    with (
        TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            yield Visitor(process, errors)
        finally:
            process.kill()
