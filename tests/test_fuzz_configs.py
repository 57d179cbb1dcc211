"""Thousands of broken configurations: no traceback, no hang; each runs or is refused in one line with status 2."""

import atexit
import copy
import io
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from recloop.experiments.cli import _guarded
from recloop.experiments.compose import composed
from recloop.experiments.inputs import check
from recloop.experiments.run import recorded
from recloop.experiments.stored import read_run
from recloop.experiments.suite import cells

SECONDS = 10.0
"""The longest that an answer may take, of this process's time."""

WORDS = ["encoder=hashing", "encoder@env.world.encoder=hashing", "env.dataset.folder=films", "tracking=none"]

NUMBERS: list[Any] = [0, -1, 1, 2**31, 2**63, 10**30, 10**400, 1e308, -0.5, math.nan, math.inf, -math.inf]
TEXTS: list[Any] = [
    "", " ", "0", "null", "\0", "\ud800", "\U0001f4a5" * 50, "a" * 100_000, "../../..", "/dev/null", "asset:",
    "asset:no", "${seed}", "${nowhere}", "${oc.env:RECLOOP_NOWHERE}", "${", "${agent}", "???", "{title.__class__}",
    "cuda:99", "a\nb",
]  # fmt: skip
OTHERS: list[Any] = [
    None, True, [], {}, [[]], [None], {"a": 1}, {"_target_": "os.system"}, {"_target_": None},
    {"_target_": "recloop.encoders.hashing.Hashing", "dim": -1}, [0] * 1000, ["seed=1"],
    {"seeds": [1], "cells": [{"policy": "a"}], "workers": 1}, {"seeds": 1, "cells": {}, "workers": None},
]  # fmt: skip
KEYS = ["", ".", "a.b", "_target_", "_partial_", "_args_", "__class__", "_metadata", "seeds", "\U0001f4a5", "a\nb", "1"]

values = st.one_of(st.sampled_from(NUMBERS + TEXTS + OTHERS), st.integers(), st.floats(), st.text(max_size=20))


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every key and list entry of a plain tree."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield (*path, name)
        yield from places(child, (*path, name))


@st.composite
def broken(draw: st.DrawFn, sound: dict[str, Any]) -> dict[str, Any]:
    """`sound` with one to three of its places changed, removed, moved, or given a neighbour."""
    tree = copy.deepcopy(sound)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(list(places(tree)) or [("seed",)]))
        node = tree
        for name in above:
            node = node[name]
        match draw(st.sampled_from(["value", "value", "remove", "add", "circle", "swap"])):
            case "value":
                node[last] = copy.deepcopy(draw(values))
            case "remove":
                del node[last]
            case "add" if isinstance(node, dict):
                node[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(values))
            case "circle":
                node[last] = f"${{{'.'.join(map(str, (*above, last)))}}}"
            case _:
                other = draw(st.sampled_from(list(tree)))
                node[last], tree[other] = copy.deepcopy(tree[other]), copy.deepcopy(node[last])
    return tree


def answer(attempt: Callable[[], None], words: list[str]) -> None:
    """Hold what the command line says of `attempt` against what is promised."""
    said, began = io.StringIO(), time.process_time()
    with redirect_stderr(said):
        status = _guarded(attempt, words)
    assert time.process_time() - began < SECONDS
    assert status in (0, 2)
    assert len(said.getvalue().splitlines()) == (1 if status else 0), said.getvalue()


def with_examples(fast: int, slow: int, attempt: Callable[[st.DataObject], None]) -> tuple[Any, Any]:
    """Two tests of the same, of few examples and of many."""
    quiet = {"suppress_health_check": list(HealthCheck), "database": None}

    def test(data: st.DataObject) -> None:
        attempt(data)

    few = settings(max_examples=fast, **quiet)(given(data=st.data())(test))  # type: ignore[arg-type]
    many = settings(max_examples=slow, **quiet)(given(data=st.data())(test))  # type: ignore[arg-type]
    return few, pytest.mark.slow(many)


@cache
def sound() -> dict[str, Any]:
    """The default configuration, with an encoder that needs nothing to be fetched."""
    tree = OmegaConf.to_container(composed(WORDS), resolve=True)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


@cache
def stored() -> Path:
    """The folder of a run that has just begun."""
    folder = Path(tempfile.mkdtemp()) / "run"
    atexit.register(shutil.rmtree, folder.parent)
    with recorded(composed([*WORDS, f"run_dir={folder}"]), folder, ["train"], [0], {}):
        pass
    return folder


def a_tree(data: st.DataObject) -> None:
    """What a file of configurations may make of the whole."""
    tree = data.draw(broken(sound()))

    def attempt() -> None:
        cfg = OmegaConf.create(tree)
        OmegaConf.set_struct(cfg, True)
        check(cfg)
        if cfg.suite is not None:
            cells(cfg.suite, [])

    answer(attempt, [])


def words(data: st.DataObject) -> None:
    """What somebody may type."""
    keys = [".".join(map(str, path)) for path in places(sound())]
    key = st.sampled_from(
        [*keys, "agent", "env/observation", "env/dynamics", "encoder@env.world.encoder", "experiment"]
    )
    text = st.one_of(values.map(str), st.text(), st.sampled_from(["[1,2", "{a:1}", "[1,2,3]", "1,2", "${", "'", "ppo"]))
    typed = st.tuples(st.sampled_from(["", "", "", "+", "++", "~"]), key, text).map(
        lambda parts: "{}{}={}".format(*parts)
    )
    given = data.draw(st.lists(st.one_of(typed, typed, st.text(min_size=1)), min_size=1, max_size=2))
    answer(lambda: check(composed([*WORDS, *given])), [*WORDS, *given])


def a_stored_file(data: st.DataObject) -> None:
    """What a stranger may have made of a run's config.json or manifest.json."""
    path = stored() / data.draw(st.sampled_from(["config.json", "config.json", "manifest.json"]))
    before = path.read_bytes()
    content = data.draw(st.one_of(broken(json.loads(before)).map(lambda tree: json.dumps(tree).encode()), cut(before)))
    path.write_bytes(content)
    try:
        answer(lambda: check(read_run(stored()).config), [])
    finally:
        path.write_bytes(before)


def cut(content: bytes) -> st.SearchStrategy[bytes]:
    """The file with a part of it replaced by other bytes, as deep and as long as may be."""
    end = st.integers(0, len(content))
    odd = st.sampled_from(
        [b"", b"\0", b"\xff", b"1e999", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b"NaN", b"//"]
    )
    return st.tuples(end, end, st.one_of(odd, st.binary(max_size=20))).map(
        lambda part: content[: min(part[:2])] + part[2] + content[max(part[:2]) :]
    )


test_a_broken_tree_is_said_in_one_line, test_3000_broken_trees_are_said_in_one_line = with_examples(15, 3000, a_tree)
test_odd_words_are_said_in_one_line, test_500_odd_words_are_said_in_one_line = with_examples(8, 500, words)
test_a_broken_stored_file_is_said_in_one_line, test_1500_broken_stored_files_are_said_in_one_line = with_examples(
    20, 1500, a_stored_file
)
