"""`recloop data check FOLDER`: whether a data set of one's own fits, and what it holds."""

import argparse
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser

if TYPE_CHECKING:
    from recloop.envs.datasets.dataset import Dataset
    from recloop.envs.datasets.pseudonyms import Pseudonyms

_DIM = 64  # of the default projection; a smaller catalog differs in fewer directions

_EXAMPLES = """\
the folder (each file .csv in UTF-8 with commas, or .parquet):
  items          id, and title or text; further columns are attributes for prompts.item.template;
                 `picture` is a path within the folder, or empty
  interactions   user, item, time (seconds since 1970, or ISO dates), and rating or click (0 or 1)
  users          id and any attributes; need not be there

examples:
  recloop data check my/folder
  recloop data check my/folder --liked-from 8      ratings from 1 to 10, of which 8 is the lowest that is a like
  recloop data check my/folder --key-variable RECLOOP_USER_KEY      users are called by pseudonyms
"""


def main(words: list[str]) -> None:
    """`recloop data check FOLDER`.

    Raises:
        UsageError: the folder does not fit.
    """
    from recloop.envs.datasets.own import Own

    asked = _parse(words)
    try:
        source = Own(asked.folder, asked.liked_from, _pseudonyms(asked))
    except ValueError as error:
        raise UsageError(str(error)) from error
    _, problems = source.look()
    for problem in problems[1:]:
        print(_plain(problem))
    if problems:
        more = f"; {len(problems) - 1} more above" if problems[1:] else ""
        raise UsageError(f"does not fit: {problems[0]}{more}")
    try:
        dataset = source.read()
    except ValueError as error:  # of the key
        raise UsageError(str(error)) from error
    _show(dataset)
    print(f"fits: {shlex.join(_command(asked, dataset))}")


def _parse(words: list[str]) -> argparse.Namespace:
    parser = Parser(
        "recloop data",
        description="Check a data set of your own, before anything is trained on it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=["check"], metavar="check", help="the one thing to do")
    parser.add_argument("folder", metavar="FOLDER", help="with items, interactions and perhaps users")
    parser.add_argument(
        "--liked-from", type=float, default=4.0, metavar="RATING", help="the lowest rating that is a like (default: 4)"
    )
    parser.add_argument("--key-file", metavar="FILE", help="call users by pseudonyms under the key in this file")
    parser.add_argument("--key-variable", metavar="NAME", help="the same, with the key in this environment variable")
    return parser.parse_args(words)


def _pseudonyms(asked: argparse.Namespace) -> "Pseudonyms | None":
    from recloop.envs.datasets.pseudonyms import Pseudonyms

    if asked.key_file is None and asked.key_variable is None:
        return None
    return Pseudonyms(asked.key_file, asked.key_variable)


def _command(asked: argparse.Namespace, dataset: "Dataset") -> list[str]:
    from recloop.envs.interactions import LIKED

    keyed = asked.key_file is not None or asked.key_variable is not None
    option = "own_pseudonyms" if keyed else "own"
    words = ["recloop", "train", f"env/dataset={option}", f"env.dataset.folder={asked.folder}", "prompts=own"]
    if keyed:
        words.append(f"env.dataset.pseudonyms.key_file={asked.key_file or 'null'}")
        words.append(f"env.dataset.pseudonyms.key_variable={asked.key_variable or 'null'}")
    if asked.liked_from != LIKED:
        words.append(f"env.dataset.liked_from={asked.liked_from:g}")
    if (directions := len({item["text"] for item in dataset.items}) - 1) < _DIM:
        words += [f"projection.dim={directions}", f"env.world.projection.dim={directions}"]
    return words


def _show(dataset: "Dataset") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "figure", title=_plain(dataset.name), title_justify="left")
    for name, figure in figures(dataset):
        table.add_row(name, _plain(figure))
    Console(markup=False, highlight=False).print(table)


def figures(dataset: "Dataset") -> Iterator[tuple[str, str]]:
    """What there is to know of a data set before it is used, in words."""
    from recloop.envs.interactions import LIKED

    logged = dataset.interactions
    of_item, of_user = np.bincount(logged.items, minlength=logged.num_items), np.bincount(logged.users)
    first, last = (datetime.fromtimestamp(int(end), UTC) for end in (logged.times.min(), logged.times.max()))
    longest = max(dataset.items, key=lambda item: len(item["text"]))
    yield "items", f"{logged.num_items:,}"
    yield "items without interactions", f"{(of_item == 0).sum():,}"
    yield "attributes of items", ", ".join(dataset.items[0])
    yield "longest text", f"{len(longest['text']):,} characters ({longest['title'][:40]})"
    yield "groups", f"{len({item['group'] for item in dataset.items}):,}"
    yield "users with interactions", f"{logged.num_users:,}"
    yield "attributes of users", ", ".join(dataset.users[0])
    yield "interactions", f"{len(logged.users):,}"
    yield "interactions of a user", f"{of_user.min():,} to {of_user.max():,}, median {np.median(of_user):,.0f}"
    yield "density", f"{len(logged.users) / (logged.num_users * logged.num_items):.2%}"
    yield "time", f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    yield "share liked", f"{(logged.ratings >= LIKED).mean():.1%}"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
