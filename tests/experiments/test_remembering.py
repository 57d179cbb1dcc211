"""Prompts are read once, and what was read is counted."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.encoder import Vectors
from recloop.encoders.hashing import Hashing
from recloop.experiments import remembering
from recloop.experiments.reading import Reader
from recloop.experiments.remembering import Counts, Remembering, lines, total
from tests.experiments import tiny

FILMS = [f"film {number} of the sea" for number in range(9)]


class Counting(Hashing):
    """An encoder that counts tokens, one a word, and notes what it is given."""

    asked: list[list[str]]

    def num_tokens(self, texts: Sequence[str]) -> int:
        return sum(len(text.split()) for text in texts)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.__dict__.setdefault("asked", []).append(list(texts))
        return super().encode(texts)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path))
    return Reader.of(Counting(), 4, False, FILMS, "encoder")


def test_each_text_is_read_once_all_new_ones_of_a_step_together(reader: Reader) -> None:
    read = Remembering(reader)
    first, second = read(["a nurse", "a king", "a nurse"]), read(["a king", "a cat"])
    asked = reader.encoder.encoder.asked[1:]  # type: ignore[attr-defined]
    assert asked == [["a king", "a nurse"], ["a cat"]]
    np.testing.assert_array_equal(first[[0, 1]], first[[2, 1]])
    np.testing.assert_array_equal(second[0], first[1])


def test_prompts_repeats_hits_reads_and_tokens_are_counted(reader: Reader) -> None:
    read = Remembering(reader)
    read(["a nurse", "a king", "a nurse"])
    read(["a king", "a black cat"])
    assert read.counts._replace(seconds=0) == Counts(prompts=5, repeats=1, hits=1, read=3, tokens=7)
    assert read.counts.seconds > 0


def test_tokens_are_not_told_where_the_encoder_counts_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path))
    read = Remembering(Reader.of(Hashing(), 4, False, FILMS, "encoder"))
    read(["a nurse"])
    read(["a nurse"])
    assert read.counts.tokens is None
    assert "tokens" not in read.counts.line


def test_what_was_read_first_is_forgotten_first_and_read_again_alike(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "MOST_TEXTS", 2)
    read = Remembering(reader)
    before = read(["a nurse"])
    read(["a king", "a cat"])
    assert list(read.vectors) == ["a cat", "a king"]
    np.testing.assert_array_equal(read(["a nurse"]), before)
    assert read.counts.read == 4


def test_counts_add_up() -> None:
    one = Counts(10, 2, 3, 5, 50, 1.0)
    assert total([one, one]) == Counts(20, 4, 6, 10, 100, 2.0)
    assert total([one, one._replace(tokens=None)]).tokens is None
    assert one.line == "10 prompts, 50% of them known; 5 read: 50 tokens in 1.0 s"


def test_a_suite_tells_the_sum_of_its_seeds_a_line_a_policy(tmp_path: Path) -> None:
    for seed in (0, 1):
        folder = tmp_path / "cells" / f"ppo-seed{seed}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"reading": Counts(10, 2, 3, 5, 50, 1.0)._asdict()}))
    assert lines(tmp_path, None) == ["prompts of ppo: 20 prompts, 50% of them known; 10 read: 100 tokens in 2.0 s"]


@pytest.mark.slow
def test_a_run_notes_what_it_read_in_manifest_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "films").mkdir()
    words = [*tiny.settings(tiny.films(tmp_path / "films")), *tiny.PPO, "env/observation=prompt", "steps=64"]
    assert tiny.recloop("train", *words, f"run_dir={tmp_path / 'run'}") == 0
    counted = Counts(**json.loads((tmp_path / "run" / "manifest.json").read_text())["reading"])
    assert counted.prompts == counted.repeats + counted.hits + counted.read > 64
    assert counted.hits > 0
    assert f"prompts of this run: {counted.line}" in (tmp_path / "run" / "table.txt").read_text()
