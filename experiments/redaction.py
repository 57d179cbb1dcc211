"""What may leave this machine: only what is named as allowed, and never where somebody's home is."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

_COMMANDS = frozenset({"train", "evaluate", "report", "sweep", "reproduce", "gap", "-m", "--multirun"})
_WITHHELD = "<withheld>"
_FRAME = re.compile(r'  File "[^"]+", line \d+, in \S+')


def redact(config: Mapping[str, Any], allowed_keys: Collection[str]) -> dict[str, Any]:
    """The part of a plain config that lies under `allowed_keys` of its top level, with home folders written as `~`."""
    return {key: _without_home(value) for key, value in config.items() if key in allowed_keys}


def redact_command(arguments: Sequence[str], allowed_keys: Collection[str]) -> list[str]:
    """Arguments of `recloop`: its own words, and `key=value` where the key's top level is allowed. Others are withheld.

    `arguments` is `sys.argv[1:]`. What Hydra may put around a key (`+key`, `~key`, `group@package`) is understood.
    """
    return [hide_home(word) if _is_allowed(word, allowed_keys) else _WITHHELD for word in arguments]


def hide_home(text: str) -> str:
    """`text` with the path of the home folder, which names a person, written as `~`."""
    home = str(Path.home())
    return text if home == "/" else text.replace(home, "~")


def frames(traceback: str) -> str:
    """Where an exception came from, a line a frame; what it said is left out, for that may be anything."""
    return hide_home("".join(f"{line}\n" for line in traceback.splitlines() if _FRAME.fullmatch(line)))


def _without_home(value: Any) -> Any:
    if isinstance(value, str):
        return hide_home(value)
    if isinstance(value, Mapping):
        return {key: _without_home(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_home(inner) for inner in value]
    return value


def _is_allowed(word: str, allowed_keys: Collection[str]) -> bool:
    key = word.partition("=")[0].lstrip("+~").partition("@")[0]
    top_level = key.replace("/", ".").partition(".")[0]
    return word in _COMMANDS or ("=" in word and top_level in allowed_keys)
