"""A process that runs `recloop` in copies of itself, which it kills; imported once, a copy begins at once.

    python -m tests.experiments.crashes '{"words": [...], "folder": "...", "kills": 10, "seed": 0}'
    python -m tests.experiments.crashes '{"words": [...], "folder": "...", "every_call": true}'

The result is printed as JSON.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = ("checkpoints/final.safetensors", "metrics.jsonl", "episodes.parquet")
"""What must come out the same."""


def main() -> None:
    """Do what the argument says."""
    task = json.loads(sys.argv[1])
    words, folder = task["words"], Path(task["folder"])
    _import_everything()
    began = time.monotonic()
    calm = folder / "calm"
    assert _run([*words, f"run_dir={calm}"]) == 0, (folder / "output.txt").read_text()
    took = time.monotonic() - began
    if "kills" in task:
        result = _killed(words, folder, task["kills"], random.Random(task["seed"]), took)
    else:
        result = _crashed_at_every_call(words, folder)
    print(json.dumps({**result, "expected": _digests(calm)}))


def _killed(words: list[str], folder: Path, kills: int, draw: random.Random, seconds: float) -> dict[str, Any]:
    """Runs that are killed at random moments until so many kills are done; what each came to."""
    done, outcomes = 0, list[list[str]]()
    while done < kills:
        run = folder / f"run{len(outcomes)}"
        again = [*words, f"run_dir={run}", "resume=true"]
        while done < kills and _run(again, kill_after=draw.uniform(0, 1.2 * seconds)) < 0:
            done += 1
        status = _run(again)
        assert status == 0, (folder / "output.txt").read_text()
        outcomes.append(_digests(run))
    return {"kills": done, "outcomes": outcomes}


def _crashed_at_every_call(words: list[str], folder: Path) -> dict[str, Any]:
    """For every n: a run that ends abruptly at its n-th write, fsync or rename, and goes on; what each came to."""
    outcomes = list[list[str]]()
    while True:
        run = folder / f"run{len(outcomes)}"
        again = [*words, f"run_dir={run}", "resume=true"]
        number = len(outcomes) + 1
        if _run(again, prepare=lambda number=number: _crash_at(number)) == 0:  # type: ignore[misc]
            return {"outcomes": outcomes}
        assert _run(again) == 0, (folder / "output.txt").read_text()
        outcomes.append(_digests(run))


def _run(words: list[str], kill_after: float | None = None, prepare: Callable[[], None] = lambda: None) -> int:
    """The exit status of `recloop WORDS` in a copy of this process; negative for the signal that ended it."""
    child = os.fork()
    if child == 0:
        os.setsid()
        _child(words, prepare)
    if kill_after is not None:
        time.sleep(kill_after)
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(words: list[str], prepare: Callable[[], None]) -> None:
    from recloop.experiments.cli import main

    output = os.open(Path(os.environ["OUTPUT"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    prepare()
    status = 1
    try:
        status = main(words)
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _crash_at(number: int) -> None:
    """End this process instead of its `number`-th call that makes something last."""
    left = number

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os._exit(99)
            return function(*arguments, **options)

        return call

    for name in ("write", "fsync", "replace", "ftruncate"):
        setattr(os, name, counted(getattr(os, name)))


def _digests(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in RESULTS]


def _import_everything() -> None:
    import recloop.agents.dqn
    import recloop.agents.ppo
    import recloop.experiments.baselines
    import recloop.experiments.build
    import recloop.experiments.cli
    import recloop.experiments.launch
    import recloop.experiments.report
    import recloop.experiments.run
    import recloop.experiments.train  # noqa: F401


if __name__ == "__main__":
    main()
