"""What a configuration gives to constructors, held against what they take."""

import difflib
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from recloop.experiments.errors import UsageError

_WORDS = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text", NoneType: "null"}


def check_arguments(target: type, given: Mapping[str, Any], key: str) -> None:
    """Refuse arguments that `target` does not take, and values that are not of the type it says.

    Args:
        target: the class.
        given: the arguments by name, as plain values of a configuration; what is a class by itself is left alone.
        key: the path of `given` in the configuration.

    Raises:
        UsageError: naming key, value and remedy.
    """
    try:
        parameters = inspect.signature(target).parameters
        hints = get_type_hints(target.__init__)  # type: ignore[misc]
    except (ValueError, NameError) as error:  # an exception of Python's own, or types that only a type checker knows
        raise UsageError(f"{key}._target_ is {target.__name__}, which no configuration can describe") from error
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name, value in given.items():
        if name not in parameters and not takes_any:
            hint, known = did_you_mean(name, parameters), ", ".join(parameters)
            raise UsageError(f"{key}.{name}: {target.__name__} takes no such argument{hint}; it takes {known}")
        check_value(f"{key}.{name}", value, hints.get(name, Any))


def check_value(key: str, value: Any, hint: Any) -> None:
    """Refuse a value that is not of the type `hint`.

    Raises:
        UsageError: naming key, value and what is wanted.
    """
    if not _fits(value, hint):
        raise UsageError(f"{key} is {value!r}; give {_in_words(hint)}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean WORD?)` for the most similar of the words that are known; empty if none is."""
    similar = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {similar[0]}?)" if similar else ""


def _fits(value: Any, hint: Any) -> bool:
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if kind is Literal:
        return value in parts
    if kind in (tuple, list, Sequence):
        return isinstance(value, list) and _fit_each(value, parts)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (bool, str, NoneType) else True


def _fit_each(values: list[Any], parts: tuple[Any, ...]) -> bool:
    """Parts are `(int, ...)` or `(int,)` for any number of them, or one for each."""
    if len(parts) == 1 or Ellipsis in parts:
        return all(_fits(value, parts[0]) for value in values)
    return len(values) == len(parts) and all(map(_fits, values, parts))


def _in_words(hint: Any) -> str:
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(_in_words(part) for part in parts)
    if kind is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if kind in (tuple, list, Sequence):
        any_number = len(parts) == 1 or Ellipsis in parts
        return f"a list, each {_in_words(parts[0])}" if any_number else f"a list of {len(parts)}: {_each(parts)}"
    return _WORDS.get(hint, "another value")


def _each(parts: tuple[Any, ...]) -> str:
    return ", ".join(_in_words(part) for part in parts)
