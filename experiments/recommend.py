"""`recloop recommend`: what the agent of a stored run recommends to people of whom somebody tells."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser

if TYPE_CHECKING:
    from recloop.experiments.people import Person
    from recloop.experiments.recommender import Recommendation

_EXAMPLES = """\
examples:
  recloop recommend RUN --user "A 24-year-old male student." --history "Heat" "Alien" "Blade Runner"
  recloop recommend RUN --history "Heat" "Alien" --skipped "Fargo" -k 5       passed over a moment ago
  recloop recommend RUN --history "Heat" --context time=18:30 device=phone    where the agent sees the context
  recloop recommend RUN --history "Heat" --feedback "too dark for me, something funnier?"
  recloop recommend RUN --history "films about lonely detectives" --free-text
  recloop recommend RUN --people people.jsonl --json                          an object a line, for programs

A line of people.jsonl: {"user": "ann", "profile": "A 24-year-old student.", "history": ["Heat", "Alien"]}; a .csv file
has the same names in its first line, and | between titles. The score is the agent's own value of an item, a logit of
PPO or a Q-value of DQN: higher is better, and it means nothing between two agents.
"""


def main(words: list[str]) -> None:
    """`recloop recommend RUN --user TEXT --history TITLE ...`.

    Raises:
        UsageError: naming flag or file, value and remedy.
    """
    parser = Parser(
        "recloop recommend",
        description="Recommend to one person or many, by what is told of them, with the agent of a stored run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    person_flags(parser)
    parser.add_argument("--people", metavar="FILE", type=Path, help="many people, in a .jsonl or .csv file")
    parser.add_argument("-k", type=int, default=10, help="how many items (default 10)")
    parser.add_argument("--repeats", action="store_true", help="recommend what is in the history, too")
    parser.add_argument("--json", action="store_true", help="an object a person and line instead of a table")
    given = parser.parse_intermixed_args(words)
    people = _people(given)
    from recloop.experiments.recommender import Recommender

    found = Recommender.load(given.run).recommend_many(
        people, given.k, repeats=given.repeats, free_text=given.free_text
    )
    for person, recommendations in zip(people, found, strict=True):
        _print_json(person, recommendations) if given.json else _print_table(person, recommendations)


def person_flags(parser: argparse.ArgumentParser) -> None:
    """The run, and what is told of one person."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--user", metavar="TEXT", default="", help="who it is, in words like those of the data's users")
    parser.add_argument("--history", metavar="TITLE", nargs="+", default=[], help="what they liked, oldest first")
    parser.add_argument("--skipped", metavar="TITLE", nargs="+", default=[], help="shown of late and not taken")
    parser.add_argument("--context", metavar="NAME=VALUE", nargs="+", default=[], help="time=HH:MM, device=phone|other")
    parser.add_argument("--feedback", metavar="TEXT", default="", help="what they wrote of what was recommended")
    parser.add_argument("--free-text", action="store_true", help="read what is no title as a text")


def said_person(given: argparse.Namespace) -> "Person | None":
    """Who is told of by `person_flags`; None if nobody is.

    Raises:
        UsageError: the context is no context, or fewer than one item is asked for.
    """
    from recloop.experiments.people import Person, said_context

    if given.k < 1:
        raise UsageError(f"-k is {given.k}; ask for 1 item or more")
    if not (given.user or given.history or given.skipped or given.context or given.feedback):
        return None
    try:
        context = said_context(given.context)
    except ValueError as error:
        raise UsageError(f"--{error}") from error
    return Person("", given.user, given.history, given.skipped, context, given.feedback)


def _people(given: argparse.Namespace) -> "list[Person]":
    from recloop.experiments.people import read_people

    told = said_person(given)
    if given.people is not None:
        if told is not None:
            raise UsageError(
                "--people: the file tells of everybody; leave out --user, --history, --skipped, --context, --feedback"
            )
        return read_people(given.people)
    if told is None:
        raise UsageError("nobody is told of; give --user or --history, or --people FILE")
    return [told]


def _print_json(person: "Person", recommendations: "Sequence[Recommendation]") -> None:
    print(json.dumps({"user": person.name, "recommendations": [each._asdict() for each in recommendations]}))


def _print_table(person: "Person", recommendations: "Sequence[Recommendation]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(person.name) if person.name else None, title_justify="left")
    for column in ("", "title", "score"):
        table.add_column(column, justify="left" if column == "title" else "right")
    for place, each in enumerate(recommendations, start=1):
        table.add_row(str(place), Text(each.title), f"{each.score:.3f}")
    Console().print(table)
