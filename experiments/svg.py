"""Drawings that follow the reader's light or dark theme, and are the same bytes whenever they are made again."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from recloop.experiments.sessions import Key

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#010203", "#010204", "#010205"
"""Stand-ins that matplotlib draws with; `to_svg` turns them into the theme's variables."""

_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    "#0072b2": "var(--blue)",
    "#f0e442": "var(--yellow)",
}

THEME = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --muted: #59636e; --grid: #dfe3e8;
  --blue: #0072b2; --yellow: #c9b800; --alarm: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171c; --ink: #e8ebef; --muted: #a0a9b4; --grid: #343a43;
    --blue: #2f8fd6; --yellow: #f0e442; --alarm: #ff8a80; }
}
"""

# Okabe and Ito (2008), a palette that colour-blind readers can tell apart. Three of its colours follow the theme:
# black, the blue that is dim on dark paper, the yellow that is faint on white.
_BLUE, _VERMILION, _GREEN, _PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
_SKY, _ORANGE, _YELLOW = "#56b4e9", "#e69f00", "#f0e442"
PALETTE = (_ORANGE, _SKY, _GREEN, _VERMILION, _BLUE, _PURPLE, _YELLOW)

_OF_POLICY = {
    "random": MUTED,
    "popularity": _YELLOW,
    "similarity-greedy": _SKY,
    "boredom-aware heuristic": _GREEN,
    "greedy oracle": _PURPLE,
    "rollout planner": INK,
    "PPO": _BLUE,
    "DQN": _VERMILION,
}


def policy_colours(keys: Sequence[Key]) -> dict[Key, str]:
    """A policy keeps its colour in every plot and report; names that are not known take the palette in turn."""
    unknown = list(dict.fromkeys(policy for policy, _ in keys if policy not in _OF_POLICY))
    taken = _OF_POLICY | {policy: PALETTE[at % len(PALETTE)] for at, policy in enumerate(unknown)}
    return {(policy, sees): taken[policy] for policy, sees in keys}


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Matplotlib's own defaults, not the user's, and the settings that make an SVG reproducible."""
    from matplotlib import style

    settings = {
        "svg.hashsalt": name,
        "svg.fonttype": "path",  # glyphs travel with the file, so that it looks the same where no font is installed
        "path.simplify": False,
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": GRID,
        "axes.labelcolor": MUTED,
        "axes.titlesize": 10,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
    }
    with style.context(["default", settings]):
        yield


def to_svg(figure: "Figure", name: str, title: str) -> str:
    """The figure as an `<svg>` element without size or colours of its own, to stand inside a page that has `THEME`.

    `name` prefixes every id, so that several drawings can share a page; `title` is what a screen reader says.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda match: _shortened(match[0]), text)
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, variable)
    return _described(text, title)


def _shortened(attribute: str) -> str:
    """Tenths of a point are finer than the eye; a line without length is a step of nothing."""
    attribute = re.sub(r"-?\d+\.\d{2,}", lambda match: f"{float(match[0]):.1f}", attribute)
    return re.sub(r"M (\S+ \S+) \nL \1 \n", r"M\1h0", attribute)


def _described(text: str, title: str) -> str:
    end = text.index(">")
    size = re.search(r'viewBox="[^"]*"', text[:end])
    assert size is not None, "matplotlib writes a viewBox"
    head = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {head} {size[0]} role="img" aria-label="{escape(title)}">{text[end + 1 :]}'


def standalone(svg: str) -> str:
    """The drawing as a file of its own, with its theme and background."""
    end = svg.index(">") + 1
    style = f"<style>{THEME}svg {{ background: var(--paper); }}</style>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg[:end]}{style}{svg[end:]}'
