"""Filling the blocks of a page."""

import json
from pathlib import Path

import pytest

from benchmarks.pages import ROOT, main
from benchmarks.registry import SHEETS
from tests.benchmarks.test_tables import made_up

BLOCKS = ("goals", "machine", *SHEETS)


def test_a_benchmark_fills_a_block_for_each_part_and_says_which_were_not_measured(tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "bench.json"
    page.write_text("Before.\n" + "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in BLOCKS) + "After.\n")
    figures.write_text(json.dumps(made_up()))
    main([str(page), str(figures)])
    text = page.read_text()
    assert "old" not in text
    assert "    │ slow 1.0" in text
    assert '`make bench ARGS="--only peers"`, 61 s, now, commit 0123456789, load 0.5 before and 1.0 after.\n' in text
    assert 'Not measured in this run: `make bench ARGS="--only training"`.' in text
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")


def test_goals_and_machine_fill_a_named_block(tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "bench.json"
    page.write_text("<!-- speed -->\nold\n<!-- /speed -->\n")
    figures.write_text(json.dumps(made_up()))
    main([str(page), f"speed={figures}"])
    text = page.read_text()
    assert "old" not in text
    assert "Goals: met by wall time" in text
    assert "    Abacus, 2 cores, one used; load 0.5 to 1.0\n" in text


def test_a_page_without_the_block_is_refused_by_name(tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "bench.json"
    page.write_text("Nothing here.\n")
    figures.write_text(json.dumps(made_up()))
    with pytest.raises(SystemExit, match="has no block <!-- speed -->; add one"):
        main([str(page), f"speed={figures}"])


@pytest.mark.parametrize("name", BLOCKS)
def test_the_page_on_performance_has_a_block_for_every_part(name: str) -> None:
    text = (ROOT / "docs" / "performance.md").read_text()
    assert f"<!-- {name} -->\n" in text
    assert f"<!-- /{name} -->\n" in text
