"""Tables from figures made up here."""

from typing import Any

import pytest

from benchmarks import tables
from benchmarks.goals import reached
from benchmarks.registry import CORE, SHEETS


def made_up() -> dict[str, Any]:
    """Of one part, on a machine with nothing else to do."""
    pace = {"wall": 1000.0, "cpu": 2000.0}
    ours = {"name": "recloop, single", "items": 10, **pace, "does": "everything"}
    slow = {"name": "slow 1.0", "items": 10, **pace, "does": "little", "single": {"wall": 3.0, "cpu": 4.0}}
    slow["batched"] = {"wall": 50.0, "cpu": 400.0}
    absent = {"name": "absent 2.0", "items": 10, "does": "not measured: No matching distribution"}
    part = {"rows": [ours, slow, absent], "load": [0.5, 1.0], "quick": False, "seconds": 61, "ended": "now"}
    machine = {"processor": "Abacus", "cores": 2, "python": "3.11.7", "versions": {"numpy": "2.4.6", "faiss-cpu": None}}
    return {"machine": machine, "parts": {"peers": {**part, "code": {"commit": "0123456789abcdef"}}}}


def test_every_part_of_the_core_has_a_table() -> None:
    assert set(CORE) <= set(SHEETS)


def test_a_table_shows_ratios_and_a_dash_for_what_was_not_measured() -> None:
    lines = tables.table(SHEETS["peers"], made_up()["parts"]["peers"]["rows"]).splitlines()
    (slow,) = (line for line in lines if line.startswith("│ slow"))
    assert [cell.strip() for cell in slow.split("│")][1:-1] == [
        "slow 1.0",
        "10",
        "50 (400)",
        "3.0 (4.0)",
        "1,000",
        "2,000",
    ]
    (absent,) = (line for line in lines if line.startswith("│ absent"))
    assert [cell.strip() for cell in absent.split("│")][3:-1] == ["–"] * 4
    assert lines[-3:] == [
        "recloop, single: everything",
        "slow 1.0: little",
        "absent 2.0: not measured: No matching distribution",
    ]


def test_a_goal_is_met_at_its_own_value_and_not_below() -> None:
    rows = {row["name"]: row for row in reached(made_up()["parts"])}
    batched, single = rows.values()
    assert (batched["wall"], batched["cpu"], batched["of_goal"], batched["met"]) == (50, 400, 0.5, "no")
    assert (single["wall"], single["of_goal"], single["met"]) == (3, 1.5, "yes")


def test_goals_of_parts_that_were_not_measured_are_left_out() -> None:
    assert reached({}) == []


@pytest.mark.parametrize(("load", "crowded"), [(1.5, False), (2.5, True)])
def test_the_machine_line_warns_when_processes_wait_for_a_core(load: float, crowded: bool) -> None:
    figures = made_up()
    figures["parts"]["peers"]["load"] = [0.5, load]
    text = tables.machine(figures)
    assert text.startswith(f"Abacus, 2 cores, one used; load 0.5 to {load}\n")
    assert ("More processes than cores" in text) == crowded
    assert text.endswith("Python 3.11.7, numpy 2.4.6\n")
