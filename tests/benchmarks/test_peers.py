"""Simulators side by side: here one that is there and one that does not install."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.measure import Pace
from benchmarks.peers import Peer
from benchmarks.scope import Scope
from benchmarks.visitors import AbsentError


class Steady:
    """As quick as ever."""

    def pace(self, steps: int) -> Pace:
        return Pace(10.0, 20.0)


@contextmanager
def visit(python: Path, script: Path, num_items: int) -> Iterator[Steady]:
    yield Steady()


def install(script: str, cache: Path) -> Path:
    if script == "absent":
        raise AbsentError("No matching distribution found for absent==2.0")
    return cache


def test_a_peer_that_does_not_install_is_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    there, absent = (Peer(f"{name} 2.0", name, (30,), 100, "little") for name in ("there", "absent"))
    monkeypatch.setattr(peers, "PEERS", (there, absent))
    monkeypatch.setattr(peers, "installed", install)
    monkeypatch.setattr(peers, "visiting", visit)
    monkeypatch.setattr(peers, "USERS", 8)
    ours, batched, theirs, missing = peers.measure(Scope(quick=True))
    assert missing == {
        "name": "absent 2.0",
        "items": 30,
        "does": "not measured: No matching distribution found for absent==2.0",
    }
    assert (theirs["wall"], theirs["cpu"], theirs["does"]) == (10, 20, "little")
    assert theirs["single"]["wall"] == pytest.approx(ours["wall"] / 10)
    assert theirs["batched"]["cpu"] == pytest.approx(batched["cpu"] / 20)
