"""Flags of the commands, and the mistakes in them, each said in one line."""

import argparse
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from recloop.experiments.arguments import did_you_mean
from recloop.experiments.errors import UsageError

if TYPE_CHECKING:
    import yaml

YAML_BYTES = 200_000
YAML_VALUES = 40_000
YAML_DEPTH = 50
"""Limits on a file of configurations; aliases count as what they stand for."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what it cannot read."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: with `message`, which names the word.
        """
        raise UsageError(f"{self.prog}: {message}; `{self.prog} --help` shows what it takes")


def check_flags(words: Sequence[str], keys: Sequence[str]) -> None:
    """Refuse what Hydra, whose flags `recloop train` has, would refuse over many lines, or should not do.

    Args:
        words: of the command line, behind `recloop train`.
        keys: of the configuration, which somebody may have taken for flags.

    Raises:
        UsageError: naming the flag and the remedy.
    """
    from hydra._internal.utils import get_args_parser

    parser = Parser("recloop train", parents=[get_args_parser()], add_help=False)
    known = {flag.lstrip("-"): flag for action in parser._actions for flag in action.option_strings}
    given, unknown = parser.parse_known_args([word for word in words if word != "--version"])
    for word in unknown:
        name = word.lstrip("-").partition("=")[0]
        if name in keys:
            raise UsageError(f"{word}: {name} is a key, no flag; write {name}=...")
        raise UsageError(
            f"{word}: there is no such flag{did_you_mean(name, [*known, *keys])}; --hydra-help shows the flags, "
            "--help the keys, which are written key=value"
        )
    if given.experimental_rerun is not None:
        raise UsageError(
            "--experimental-rerun: reads a pickle, which can run code; give the run's own words again, or see "
            "`recloop reproduce --help`"
        )
    for folder in (given.config_dir, given.config_path):
        if folder is not None and "://" not in folder:
            check_config_folder(Path(folder))


def check_config_folder(folder: Path) -> None:
    """Refuse YAML files that Hydra may choose in `folder` and would read for ever, or not at all.

    Raises:
        UsageError: naming the file, what is wrong with it and the remedy.
    """
    from recloop import configs

    groups = [path.name for path in Path(configs.__path__[0]).iterdir() if path.is_dir()]
    for path in sorted(
        [*folder.glob("*.yaml"), *(path for group in groups for path in folder.glob(f"{group}/**/*.yaml"))]
    ):
        if not path.is_file() or path.stat().st_size > YAML_BYTES:
            raise UsageError(f"{path}: is no file of at most {YAML_BYTES:,} bytes; remove it")
        if reason := _fault(path.read_bytes()):
            raise UsageError(f"{path}: {reason}")


def _fault(content: bytes) -> str:
    """Why the YAML file should not be read; empty if it may."""
    import yaml

    too_deep = f"is nested deeper than {YAML_DEPTH} levels; flatten it"
    try:
        if _depth(content) > YAML_DEPTH:
            return too_deep
        level = [yaml.compose(content, Loader=yaml.SafeLoader)]
    except (yaml.YAMLError, ValueError) as error:
        return f"cannot be read ({' '.join(str(error).split())[:200]}); mend or remove it"
    for _ in range(YAML_DEPTH):
        if len(level) > YAML_VALUES:
            return f"holds more than {YAML_VALUES:,} values, aliases counted; write it without them"
        if custom := [node.tag for node in level if node is not None and ":python/" in node.tag]:
            return f"holds {custom[0]!r}; a configuration holds plain values"
        level = list(islice(chain.from_iterable(map(_children, level)), YAML_VALUES + 1))
    return too_deep if level else ""


def _depth(content: bytes) -> int:
    """How deep brackets and indents go, as far as one above the limit: what is deeper takes long to read."""
    import yaml

    depth = deepest = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
        if deepest > YAML_DEPTH:
            break
    return deepest


def _children(node: "yaml.Node | None") -> "Iterable[yaml.Node]":
    import yaml

    if isinstance(node, yaml.MappingNode):
        return chain.from_iterable(node.value)
    return node.value if isinstance(node, yaml.SequenceNode) else ()
