"""The best trial as an experiment that `recloop train` runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from recloop.experiments.sweep_settings import Settings
from recloop.experiments.sweep_study import SLOT

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def best_config(trial: "FrozenTrial", settings: Settings) -> str:
    """A file for configs/experiment: what every trial began with and what `trial` chose, without seeds and users."""
    words = [*settings.words, *(f"{key}={trial.params[key]}" for key in settings.space)]
    values = zip(settings.objectives, trial.values, strict=True)
    found = ", ".join(f"{name} {value:.4g}" for name, value in values)
    seeds = ", ".join(map(str, settings.seeds))
    head = (
        "# @package _global_\n"
        f"# trial {trial.user_attrs[SLOT] + 1} of study {settings.study}: {found},\n"
        f"# on {settings.validation:.0%} of the train users, mean over the tuning seeds {seeds}\n"
    )
    return head + OmegaConf.to_yaml(OmegaConf.create({"name": settings.study, **experiment(words)}))


def experiment(words: Sequence[str]) -> dict[str, Any]:
    """What stands in a file of configs/experiment that says the same as `words`."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    options: dict[str, Any] = {}
    tree: dict[str, Any] = {}
    for override in OverridesParser.create().parse_overrides(list(words)):
        if _is_group(override.key_or_group):
            package = f"@{override.package}" if override.package else ""
            options[f"override /{override.key_or_group}{package}"] = override.value()
        else:
            *above, last = override.key_or_group.split(".")
            node = tree
            for name in above:
                node = node.setdefault(name, {})
            node[last] = override.value()
    return {"defaults": [{option: choice} for option, choice in options.items()], **tree}


def _is_group(key: str) -> bool:
    import recloop.configs

    return (Path(recloop.configs.__path__[0]) / key).is_dir()
