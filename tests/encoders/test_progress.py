import sys

import pytest

from recloop.encoders.progress import FEW_TEXTS, reading


@pytest.mark.parametrize(("terminal", "num_texts"), [(False, 10_000), (True, FEW_TEXTS)])
def test_logs_and_short_waits_are_spared_the_bar(
    terminal: bool, num_texts: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with reading(num_texts) as advance:
        advance(num_texts)
    assert capsys.readouterr() == ("", "")


def test_a_long_wait_at_a_terminal_shows_a_bar_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with reading(FEW_TEXTS + 1) as advance:
        advance(FEW_TEXTS + 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{FEW_TEXTS + 1}/{FEW_TEXTS + 1}" in err
