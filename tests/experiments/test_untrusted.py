"""Files that a stranger may have written: each is refused in one line that names it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from recloop.experiments.errors import UsageError
from recloop.experiments.untrusted import JSON_BYTES, JSON_DEPTH, JSON_VALUES, inside, read, read_json, regular_file


def nested(levels: int) -> Any:
    node: Any = 0
    for _ in range(levels):
        node = {"a": node}
    return node


def test_plain_values_come_back(tmp_path: Path) -> None:
    values = {"a": [1, 2.5, None, True, "text with $ and {}"], "b": {"c": ""}}
    (tmp_path / "x.json").write_text(json.dumps(values))
    assert read_json(tmp_path, "x.json") == values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "damaged"),
        ("", "damaged"),
        (b"\xff\xfe\x00".decode("latin-1"), "damaged"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "'a' is nan; give a finite number"),
        ('{"a": [-Infinity]}', "'a.0' is -inf"),
        ('{"a": 1e999}', "'a' is inf"),
        ('{"a": "${oc.env:HOME}"}', "'a' is '${oc.env:HOME}'; a stored file holds no interpolations"),
        ('{"a": "x ${b}"}', "holds no interpolations"),
        ('{"${oc.env:HOME}": 1}', "holds no interpolations"),
        ('{"a": "???"}', "holds no interpolations"),
        ('{"a": "\\u0000"}', "which is no text"),
        ('{"a": "\\ud800"}', "which is no text"),
        (f'{{"a": {"9" * 5000}}}', "damaged"),
        (json.dumps([0] * JSON_VALUES), f"one of more than {JSON_VALUES:,} values"),
        (" " * (JSON_BYTES + 1), f"more than the {JSON_BYTES:,} that are read"),
        (json.dumps(nested(JSON_DEPTH + 2)), f"deeper than {JSON_DEPTH} levels"),
    ],
)
def test_what_is_no_plain_json_within_limits_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="latin-1" if "damaged" in reason else "utf-8")
    with pytest.raises(UsageError) as caught:
        read_json(tmp_path, "x.json")
    assert str(caught.value).startswith(f"{tmp_path / 'x.json'}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_deepest_tree_that_is_allowed_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(nested(JSON_DEPTH)))
    assert read_json(tmp_path, "x.json") == nested(JSON_DEPTH)


def test_long_keys_do_not_take_long(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"k" * 3_000_000: list(range(1000))}))
    assert len(read_json(tmp_path, "x.json")) == 1


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("{}")
    run = tmp_path / "run"
    run.mkdir()
    (run / "x.json").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match="leads out of the run folder"):
        regular_file(run, "x.json", 100)
    with pytest.raises(UsageError, match="leads out of the run folder"):
        regular_file(run, "../secret", 100)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("{}")
    (tmp_path / "x.json").symlink_to("real")
    assert read_json(tmp_path, "x.json") == {}


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    with pytest.raises(UsageError):
        regular_file(tmp_path, "x", 100)


def test_a_pipe_does_not_hang_its_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(UsageError, match="no such file"):
        read_json(tmp_path, "x.json")


def test_a_folder_below_a_link_to_the_run_itself_is_inside(tmp_path: Path) -> None:
    (tmp_path / "run" / "cells").mkdir(parents=True)
    (tmp_path / "latest").symlink_to("run")
    assert inside(tmp_path / "latest", tmp_path / "latest" / "cells") == tmp_path / "latest" / "cells"


def test_a_reader_that_names_the_file_and_the_remedy_is_quoted(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        raise ValueError(f"{path}: line 3 is damaged; restore it\nand more")

    with pytest.raises(UsageError, match="^" + str(tmp_path) + ": line 3 is damaged; restore it$"):
        read(tmp_path, fails)
