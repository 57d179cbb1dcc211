"""Eight secrets around a run, of which no file of its folder tells one."""

import os
import platform
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from recloop.experiments import run as runs
from recloop.experiments.sessions import Played
from recloop.experiments.suite import Cell, _collect
from tests.experiments import tiny

SECRETS = {
    place: f"canary-{place}-7f3a"
    for place in ("argv", "config", "environment", "output", "exception", "remote", "host", "home")
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, a host, a git remote and an environment that hold a secret each."""
    home = tmp_path / SECRETS["home"]
    home.mkdir()
    host = SECRETS["host"]
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RECLOOP_CACHE", str(home / "cache"))
    monkeypatch.setenv("SERVICE_TOKEN", SECRETS["environment"])
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.origin.url")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"https://me:{SECRETS['remote']}@example.com/me/project.git")
    system, _, *others = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((system, host, *others)))
    monkeypatch.setattr(platform, "node", lambda: host)
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(socket, "getfqdn", lambda: host)
    return home


def told(folder: Path) -> Iterator[str]:
    """The places whose secret is in a file below `folder`, or in its name."""
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        yield from (
            f"{place} in {path.relative_to(folder)}"
            for place, secret in SECRETS.items()
            if secret.encode() in content or secret in str(path.relative_to(folder))
        )


def chatty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training print a secret."""
    final_luck = runs.final_luck

    def printing(*arguments: Any) -> Any:
        print(SECRETS["output"], flush=True)
        os.write(2, SECRETS["output"].encode())
        return final_luck(*arguments)

    monkeypatch.setattr(runs, "final_luck", printing)


@pytest.mark.parametrize("tracking", ["none", pytest.param("offline", marks=pytest.mark.slow)])
def test_a_run_tells_none(tracking: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "films").mkdir()
    chatty(monkeypatch)
    words = [word for word in tiny.settings(tiny.films(home / "films")) if not word.startswith("tracking=")]
    secret = [f"+token={SECRETS['argv']}", f"+service={{key:{SECRETS['config']}}}"]
    monkeypatch.chdir(home)
    assert tiny.recloop("train", *words, *tiny.PPO, *secret, f"tracking={tracking}", "run_dir=run") == 0
    assert tiny.recloop("train", *words, *tiny.PPO, *secret, "tracking=none", f"run_dir={home}/absolute") == 0
    assert sorted(path.name for path in home.iterdir()) == ["absolute", "cache", "films", "run"]
    assert [*told(home / "run"), *told(home / "absolute")] == []


def test_the_traceback_of_a_cell_that_failed_tells_none(home: Path, tmp_path: Path) -> None:
    error, cell = RuntimeError(f"HTTP 401 for token {SECRETS['exception']}"), Cell("PPO", 0, ())
    error.__cause__ = RuntimeError(
        f'Traceback (most recent call last):\n  File "{home}/recloop/run.py", line 7, in run\n    play()\n'
        f"RuntimeError: HTTP 401 for token {SECRETS['exception']}\n{SECRETS['environment']}\n"
    )
    future = Future[list[Played]]()
    future.set_exception(error)
    _collect(future, cell, tmp_path / "run", {})
    assert list(told(tmp_path / "run")) == []
    said = (tmp_path / "run" / cell.folder / "failure.txt").read_text()
    assert said.splitlines()[-1] == '  File "~/recloop/run.py", line 7, in run'
    assert said.startswith("RuntimeError\n")
