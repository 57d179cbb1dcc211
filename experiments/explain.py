"""`recloop explain`: why the agent of a stored run recommends what it does."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.recommend import person_flags, said_person

if TYPE_CHECKING:
    from recloop.experiments.explanation import Explanation

_EXAMPLES = """\
examples:
  recloop explain RUN --user "A 24-year-old male student." --history "Heat" "Alien" "Blade Runner"
  recloop explain RUN --history "Heat" "Alien" --skipped "Fargo" -k 3      the best three
  recloop explain RUN --history "Heat" "Alien" --item "Toy Story"          why this one ranks where it does
  recloop explain RUN --history "Heat" "Alien" --json                      an object an item, for programs
  recloop explain RUN --faithfulness                                       whether the parts are what moves the agent

The parts add up to the agent's value of the item, the score of `recloop recommend`. What each adds directly is exact;
what it adds through the network is its Shapley value.
"""

_KINDS = {
    "liked": "liked",
    "word": "profile says",
    "profile": "the profile, as the network reads it",
    "skipped": "passed over",
    "session": "the session, as the network reads it",
    "context": "the context, as the network reads it",
    "item": "the item, for everybody",
    "same": "the same for every item",
}


def main(words: list[str]) -> None:
    """`recloop explain RUN --user TEXT --history TITLE ...`.

    Raises:
        UsageError: naming flag or file, value and remedy.
    """
    parser = Parser(
        "recloop explain",
        description="Say why the agent of a stored run recommends what it does to a person, and what would change it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    person_flags(parser)
    parser.add_argument("--item", metavar="TITLE", help="explain this one, instead of the best")
    parser.add_argument("-k", "--k", type=int, default=1, help="how many of the best items (default 1)")
    parser.add_argument("--json", action="store_true", help="an object an item and line instead of tables")
    parser.add_argument("--faithfulness", action="store_true", help="measure it on users of the data, instead")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="of the curves of --faithfulness, an .svg")
    given = parser.parse_intermixed_args(words)
    person = said_person(given)
    if given.faithfulness:
        if person is not None or given.item is not None:
            raise UsageError("--faithfulness: takes users of the data; leave out what is told of a person")
        _measure(given)
        return
    if given.plot is not None:
        raise UsageError("--plot: draws the curves of --faithfulness; add that flag")
    if person is None:
        raise UsageError("nobody is told of; give --user or --history")
    if person.feedback:
        raise UsageError("--feedback: explanations start before anybody has answered; leave it out")
    from recloop.experiments.explanation import Explainer
    from recloop.experiments.recommender import Recommender

    explainer = Explainer(Recommender.load(given.run))
    for found in explainer.explain(person, given.k, item=given.item, free_text=given.free_text):
        print(json.dumps(as_json(found))) if given.json else _print_table(found)


def as_json(found: "Explanation") -> dict[str, Any]:
    """An explanation with its sentence, for programs."""
    from recloop.experiments.sentence import sentence

    parts = [{**part._asdict(), "total": part.total} for part in found.parts]
    without = [each._asdict() for each in found.without]
    return {**found._asdict(), "parts": parts, "without": without, "sentence": sentence(found)}


def _print_table(found: "Explanation") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from recloop.experiments.sentence import ordinal, sentence, shortened

    table = Table(title=Text(f"{found.title}: value {found.value:.3f}"), title_justify="left")
    table.add_column("what is known")
    for column in ("direct", "network", "adds"):
        table.add_column(column, justify="right")
    for part in found.parts:
        name = f"{_KINDS[part.kind]} {shortened(part.what)}".strip()
        table.add_row(Text(name), f"{part.direct:+.3f}", f"{part.learned:+.3f}", f"{part.total:+.3f}")
    table.add_section()
    table.add_row("sum, the agent's value", "", "", f"{found.value:.3f}")
    console = Console()
    console.print(table)
    console.print(Text(sentence(found)))
    for each in found.without:
        what = {"profile": "the profile", "session": "what was passed over"}.get(each.kind, shortened(each.what))
        place = "no candidate" if each.rank is None else ordinal(each.rank)
        console.print(Text(f"  without {what}: {place}"))


def _measure(given: argparse.Namespace) -> None:
    """Print how faithful the parts are, and draw the curves where that is asked for.

    Raises:
        UsageError: there is no folder for the plot, or the run cannot be explained.
    """
    from rich.console import Console
    from rich.table import Table

    from recloop.encoders.files import write_atomically
    from recloop.experiments.faithfulness import RANDOM, area, better_than_random, draw, measure
    from recloop.experiments.svg import standalone

    if given.plot is not None and not given.plot.parent.is_dir():
        raise UsageError(f"--plot is {given.plot}; there is no folder {given.plot.parent}, so make it first")
    curves = measure(given.run)
    table = Table("first", title=f"the best item of {len(curves[RANDOM].deletion)} users", title_justify="left")
    for column in ("deletion", "below random", "insertion", "above random"):
        table.add_column(column, justify="right")
    for name, own in curves.items():
        less, more = (
            f"{gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]" for gain in better_than_random(curves, name)
        )
        deletion, insertion = (f"{area(each).mean():.3f}" for each in own)
        table.add_row(name, deletion, "" if name == RANDOM else less, insertion, "" if name == RANDOM else more)
    Console().print(table)
    if given.plot is not None:
        write_atomically(given.plot, standalone(draw(curves)).encode())
