"""What a sweep searches: a file of `configs/sweep/` with the user's changes, checked before anything runs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from recloop.experiments.arguments import check_value, did_you_mean
from recloop.experiments.errors import UsageError
from recloop.experiments.inputs import COUNT, POSITIVE, SHARE, Rule, check_number
from recloop.experiments.seeding import TUNING_SEEDS

LUCK = TUNING_SEEDS[-1]
"""The seed of the luck under which trials are judged."""

METRICS = ("clicks_per_session", "session_return", "session_length", "coverage", "diversity")
"""Functions of `metrics` that can be objectives."""

_OWN = frozenset(
    {"name", "seed", "run_dir", "resume", "suite", "experiment", "evaluation.seed", "env.population.validation"}
)
_SEED = Rule(
    int,
    f"a whole number from {TUNING_SEEDS[0]} to {LUCK - 1}, which no reported run has",
    TUNING_SEEDS[:-1].__contains__,
)
_FINITE = Rule(float, "a finite number", lambda value: abs(value) <= sys.float_info.max)
_STARTUP = Rule(int, "a whole number of 0 or more", lambda value: value >= 0)

Choice = str | int | float | bool
Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Settings:
    """A sweep, as its file and the user's words describe it."""

    study: str
    words: tuple[str, ...]  # of `recloop train`, for every trial
    trials: int
    seeds: tuple[int, ...]
    objectives: Mapping[str, Direction]  # name of the metric, maximize or minimize
    validation: float
    startup_trials: int
    prune: bool
    heartbeat_seconds: int
    storage: str | None
    space: Mapping[str, Mapping[str, Any]]

    @property
    def folder(self) -> Path:
        """Where everything of the study is."""
        return Path("runs") / "sweeps" / self.study

    @property
    def url(self) -> str:
        """The database that all workers share."""
        return self.storage or f"sqlite:///{self.folder / 'study.db'}"

    @property
    def identity(self) -> dict[str, Any]:
        """What all workers of a study must agree on, as plain values."""
        apart = ("study", "trials", "heartbeat_seconds", "storage")
        kept = {key: value for key, value in asdict(self).items() if key not in apart}
        return kept | {"words": list(self.words), "seeds": list(self.seeds)}


def read_settings(words: Sequence[str]) -> Settings:
    """The settings that the words of `recloop sweep` give.

    Args:
        words: `sweep=NAME` (of configs/sweep, or a path to a file), `study=NAME`, `sweep.KEY=VALUE` for any key of that
            file, and words of `recloop train`, which every trial begins with.

    Raises:
        UsageError: naming the key, its value and the remedy.
        HydraException: a word cannot be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    overrides = OverridesParser.create().parse_overrides(list(words))
    own = {one.key_or_group: one.value() for one in overrides if one.key_or_group.split(".")[0] in ("sweep", "study")}
    others = [one for one in overrides if one.key_or_group not in own]
    for one in others:
        if _is_own(one.key_or_group) or one.is_sweep_override() or one.is_delete():
            raise UsageError(f"{one.input_line}: a sweep cannot take this; seeds, users and folders are its own affair")
    study = own.pop("study", None)
    if not isinstance(study, str) or not study or study != Path(study).name or study.startswith("."):
        raise UsageError(f"study is {study!r}; give study=NAME, by which all workers find it")
    return _checked(_merged(own, study, [str(one.input_line) for one in others]))


def _is_own(key: str) -> bool:
    return key in _OWN or key.startswith("hydra")


def _merged(own: dict[str, Any], study: str, words: list[str]) -> Settings:
    given = _read(own.pop("sweep", None))
    for key, value in own.items():
        name = key.removeprefix("sweep.")
        if name not in given:
            raise UsageError(f"{key}: there is no such key{did_you_mean(name, given)}; there are {', '.join(given)}")
        given[name] = value
    check_value("sweep.words", given["words"], list[str])
    given["words"] = (*given["words"], *words)
    check_value("sweep.seeds", given["seeds"], list[int])
    given["seeds"] = tuple(given["seeds"])
    return Settings(study=study, **given)


def _read(name: Any) -> dict[str, Any]:
    """The file `name.yaml` of configs/sweep, or the file of that path."""
    from omegaconf import OmegaConf

    import recloop.configs

    shipped = {path.stem: path for path in sorted((Path(recloop.configs.__path__[0]) / "sweep").glob("*.yaml"))}
    path = shipped.get(str(name), Path(str(name)))
    if path.suffix != ".yaml" or not path.is_file():
        hint, known = did_you_mean(str(name), shipped), ", ".join(shipped)
        raise UsageError(f"sweep is {name!r}{hint}; choose from {known}, or give a file.yaml")
    given = OmegaConf.to_container(OmegaConf.load(path))
    keys = {field.name for field in fields(Settings)} - {"study"}
    if not isinstance(given, dict) or set(given) != keys:
        raise UsageError(f"{path}: a sweep has the keys {', '.join(sorted(keys))}, each once and no others")
    return {str(key): value for key, value in given.items()}


def _checked(settings: Settings) -> Settings:
    for key, rule in (
        ("trials", COUNT), ("heartbeat_seconds", COUNT), ("startup_trials", _STARTUP), ("validation", SHARE),
    ):  # fmt: skip
        check_number(f"sweep.{key}", getattr(settings, key), rule)
    check_value("sweep.prune", settings.prune, bool)
    check_value("sweep.storage", settings.storage, str | None)
    if not settings.seeds or len(set(settings.seeds)) < len(settings.seeds):
        raise UsageError(f"sweep.seeds is {settings.seeds}; give a list of at least one, each once")
    for seed in settings.seeds:
        check_number("sweep.seeds", seed, _SEED)
    _check_objectives(settings)
    space: Any = settings.space
    if not isinstance(space, Mapping) or not space:
        raise UsageError(f"sweep.space is {space}; name a key of recloop train and what to try")
    for key, tried in space.items():
        _check_range(f"sweep.space.{key}", tried)
        if _is_own(key):
            raise UsageError(f"sweep.space.{key}: a sweep does not search this")
    return settings


def _check_objectives(settings: Settings) -> None:
    objectives: Any = settings.objectives
    if not isinstance(objectives, Mapping) or not objectives:
        raise UsageError(f"sweep.objectives is {objectives}; give a metric and a direction, {{{METRICS[0]}: maximize}}")
    for name, direction in objectives.items():
        if name not in METRICS:
            hint, known = did_you_mean(name, METRICS), ", ".join(METRICS)
            raise UsageError(f"sweep.objectives: there is no metric {name}{hint}; choose from {known}")
        if direction not in get_args(Direction):
            raise UsageError(f"sweep.objectives.{name} is {direction!r}; give {' or '.join(get_args(Direction))}")
    if settings.prune and list(objectives.items()) != [(METRICS[0], "maximize")]:
        raise UsageError(f"sweep.prune: only {METRICS[0]} alone is known while an agent trains; give sweep.prune=false")


def _check_range(key: str, tried: Any) -> None:
    """A range is `{low, high}`, with `log: true` if wanted, of whole numbers if both are; or there are `{choices}`."""
    keys = set(tried) if isinstance(tried, Mapping) else set()
    if keys == {"choices"}:
        check_value(f"{key}.choices", tried["choices"], list[Choice])
        if len(tried["choices"]) < 2:
            raise UsageError(f"{key}.choices is {tried['choices']}; give at least two")
        return
    if not {"low", "high"} <= keys <= {"low", "high", "log"}:
        raise UsageError(
            f"{key} is {tried!r}; give {{low: 1, high: 8}}, with log: true if wanted, or {{choices: [a, b]}}"
        )
    check_value(f"{key}.log", tried.get("log", False), bool)
    for end in ("low", "high"):
        check_number(f"{key}.{end}", tried[end], POSITIVE if tried.get("log") else _FINITE)
    if tried["low"] >= tried["high"]:
        raise UsageError(f"{key}.low is {tried['low']}, which is not below high, {tried['high']}")
