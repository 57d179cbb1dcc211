"""A stored configuration with some of its keys given anew, in the words of `recloop train`."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def overridden(config: DictConfig, words: Sequence[str], tops: Collection[str]) -> DictConfig:
    """A copy of `config` with `words` applied: `key=value`, `+key=value`, `~key`, and `group=option` composed afresh.

    Args:
        config: of a stored run, without interpolations.
        words: of the user's, in Hydra's grammar; what they write is resolved here.
        tops: the top-level keys that may be given anew.

    Raises:
        UsageError: a word reaches for another key, for one that is not there, or gives several values.
        HydraException: a word cannot be read, or there is no such option.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    changed: dict[str, Any] = {"": OmegaConf.to_container(config)}
    for override in OverridesParser.create().parse_overrides(list(words)):
        key = override.package or override.key_or_group.replace("/", ".")
        _check(override, key, tops)
        *above, last = ["", *key.split(".")]
        parent: Any = changed
        for name in above:
            parent = parent.get(name) if isinstance(parent, dict) else None
        if not isinstance(parent, dict) or (last in parent) is override.is_add():
            there = "there is already a" if override.is_add() else "there is no"
            raise UsageError(f"{override.input_line}: {there} key {key} in the run's config.json")
        if override.is_delete():
            del parent[last]
        else:
            parent[last] = _value(override, key, config)
    made = OmegaConf.create(OmegaConf.to_container(OmegaConf.create(changed[""]), resolve=True))
    assert isinstance(made, DictConfig)
    return made


def _check(override: "Override", key: str, tops: Collection[str]) -> None:
    if key.partition(".")[0] not in tops:
        raise UsageError(f"{override.input_line}: only {', '.join(sorted(tops))} can be given anew for a run")
    if override.is_sweep_override():
        raise UsageError(f"{override.input_line}: gives several values; give one, and call the command for each")


def _value(override: "Override", key: str, config: DictConfig) -> Any:
    """The value that is given, or the composed node of the option that is chosen."""
    is_group = "/" in override.key_or_group or override.package or isinstance(config.get(key), DictConfig)
    if not is_group:
        return override.value()
    assert override.input_line is not None, "it was parsed from a line"
    node = OmegaConf.select(composed([override.input_line]), key)
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
