"""What a run was made with and what is here, by name."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from recloop.experiments.differences import Difference, edits, surroundings, table
from recloop.experiments.manifest import manifest

CONFIG: dict[str, Any] = {"threads": 1, "device": "cpu", "agent": {"gamma": 0.9, "hidden": [64, 64]}, "run_dir": "here"}


def made(**changed: Any) -> dict[str, Any]:
    fingerprints = {"data": "d0", "encoder": "e0"}
    return {**manifest(["train"], [], [0], fingerprints, 1, "cpu", CONFIG), **changed}


def test_a_run_that_nobody_touched_has_no_edits(tmp_path: Path) -> None:
    assert edits(tmp_path, CONFIG, made()) == []


def test_an_edited_key_is_named_with_both_values(tmp_path: Path) -> None:
    edited = {**CONFIG, "agent": {**CONFIG["agent"], "gamma": 0.5}}
    (found,) = edits(tmp_path, edited, made())
    assert found == Difference("edited", "config.json: agent.gamma", 0.9, 0.5)
    assert str(found) == "config.json: agent.gamma 0.9 in the run, 0.5 here"


def test_keys_that_were_added_or_removed_are_named(tmp_path: Path) -> None:
    edited = {**CONFIG, "agent": {"hidden": [64, 64], "clip": 0.1}}
    assert {(one.what, one.was, one.here) for one in edits(tmp_path, edited, made())} == {
        ("config.json: agent.gamma", 0.9, None),
        ("config.json: agent.clip", None, 0.1),
    }


def test_a_moved_folder_is_no_edit(tmp_path: Path) -> None:
    assert edits(tmp_path, {**CONFIG, "run_dir": "elsewhere"}, made()) == []


def test_an_edited_thread_count_is_named_also_by_an_older_manifest_without_a_copy(tmp_path: Path) -> None:
    (found,) = edits(tmp_path, {**CONFIG, "threads": 2}, made(config={}))
    assert found == Difference("edited", "config.json: threads", 1, 2)


def test_an_edited_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    (found,) = edits(tmp_path, CONFIG, made(results={"journal_sha256": "0" * 64, "weights_sha256": "1" * 64}))
    assert (found.kind, found.what) == ("edited", "SHA-256 of metrics.jsonl")


def test_the_same_surroundings_do_not_differ() -> None:
    assert surroundings(made(), made()) == []


@pytest.mark.parametrize("name", ["data", "encoder"])
def test_another_fingerprint_is_another_input(name: str) -> None:
    here = made(fingerprints={"data": "d0", "encoder": "e0", name: "f9"})
    assert surroundings(made(), here) == [
        Difference("inputs", f"fingerprint of {name}", {"data": "d0", "encoder": "e0"}[name], "f9")
    ]


@pytest.mark.parametrize(
    ("part", "key", "named"),
    [
        ("versions", "numpy", "numpy"),
        ("versions", "torch", "torch"),
        ("code", "commit", "commit"),
        ("code", "changes_sha256", "uncommitted changes"),
        ("platform", "system", "system"),
        ("platform", "processor", "processor"),
        ("platform", "vector_instructions", "vector instructions"),
        ("platform", "cores", "cores"),
        ("platform", "python", "python"),
        ("thread_variables", "OMP_NUM_THREADS", "OMP_NUM_THREADS"),
    ],
)
def test_libraries_code_and_machine_are_named(part: str, key: str, named: str) -> None:
    was = made()
    was[part] = {**was[part], key: "another"}
    assert [(one.kind, one.what, one.was) for one in surroundings(was, made())] == [("surroundings", named, "another")]


def test_another_device_is_named() -> None:
    assert surroundings(made(device="cuda:0"), made()) == [Difference("surroundings", "device", "cuda:0", "cpu")]


def test_what_an_older_run_did_not_record_cannot_differ() -> None:
    was = made()
    del was["thread_variables"], was["platform"]["processor"], was["versions"]["numba"]
    assert surroundings(was, made()) == []


def test_the_table_shows_names_and_values_and_no_markup() -> None:
    console = Console(width=100)
    with console.capture() as shown:
        console.print(table([Difference("edited", "config.json: name", "[red]x", None)]))
    heading, row = shown.get().splitlines()
    assert heading.split("  ")[0] == "what differs"
    assert row.split() == ["config.json:", "name", "[red]x", "–"]
