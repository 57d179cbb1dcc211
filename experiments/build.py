"""From configuration to objects: the one place where agents, encoders and environments meet, and the only `instantiate`."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from recloop.agents.policy import Floats, ItemSpace
from recloop.encoders.cache import Cached
from recloop.encoders.controls import Shuffled
from recloop.encoders.encoder import Encoder
from recloop.encoders.projection import Projection
from recloop.experiments.assets import cache_folder, fetch
from recloop.experiments.errors import UsageError

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.datasets.dataset import Dataset
    from recloop.envs.interactions import Interactions
    from recloop.envs.observations import Observation
    from recloop.envs.simulator import Simulator
    from recloop.envs.task import Task
    from recloop.envs.users import Population

ALLOWED = ("recloop.envs.", "recloop.agents.", "recloop.encoders.", "recloop.experiments.tracking.")
"""Modules whose public classes a configuration may name. A stranger's run is untrusted input."""


def instantiate(config: Any, key: str, **arguments: Any) -> Any:
    """The object that `config` describes; `key` is its path in the configuration, for messages.

    Raises:
        UsageError: for a `_target_` that is not a public class of recloop's, and for values that its constructor refuses.
    """
    import hydra
    from hydra.errors import InstantiationException

    for path, target in _targets(OmegaConf.to_container(config, resolve=True), key):
        _refuse_foreign(path, target)
    try:
        return hydra.utils.instantiate(config, _convert_="all", **arguments)
    except InstantiationException as error:
        reason = error.__cause__ or error
        raise UsageError(f"{key}: {str(reason).splitlines()[0]}") from error


def _targets(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield key, node["_target_"]
        for name, child in node.items():
            yield from _targets(child, f"{key}.{name}")
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for index, child in enumerate(node):
            yield from _targets(child, f"{key}[{index}]")


def _refuse_foreign(key: str, target: Any) -> None:
    module, _, name = str(target).rpartition(".")
    if f"{module}.".startswith(ALLOWED) and not name.startswith("_"):
        try:
            named = getattr(import_module(module), name, None)
        except ModuleNotFoundError:
            named = None
        if inspect.isclass(named) and named.__module__ == module:
            return
    raise UsageError(f"{key}._target_ is {target!r}; only public classes of {', '.join(ALLOWED)[:-1]} may be built")


@dataclass(frozen=True, eq=False)
class Setting:
    """Where an agent trains and is evaluated.

    Args:
        train: the task with the train users.
        held_out: the same task with the users kept for evaluation.
        fingerprints: of data and encoders, by name.
    """

    train: "Task"
    held_out: "Task"
    fingerprints: dict[str, str]

    @property
    def items(self) -> ItemSpace:
        """What the agent knows of its actions."""
        return item_space(self.train)


def item_space(task: "Task") -> ItemSpace:
    """What whoever plays `task` knows of its actions."""
    catalog = task.observation.items
    return ItemSpace(catalog.vectors, catalog.quality, catalog.popularity, task.observation.layout)


def build_setting(cfg: DictConfig) -> Setting:
    """Read the data, have the texts read, fit the users, put the task together.

    Raises:
        UsageError: naming the key, its value and the remedy.
    """
    from recloop.envs.rewards import Reward
    from recloop.envs.task import Task

    check_numbers(cfg)
    reward: Reward = instantiate(cfg.env.reward, "env.reward")
    texts = _Texts.of(cfg)
    world_reader = Reader.of(cfg.env.world.encoder, cfg.env.world.projection, texts.items, "env.world")
    simulator, held_out, history = _simulator(cfg, texts, world_reader)
    agent_reader = Reader.of(cfg.encoder, cfg.projection, texts.items, "encoder")
    task = Task(simulator, _observation(cfg, texts, simulator, agent_reader, history), reward)
    fingerprints = {
        "data": texts.dataset.fingerprint,
        "world encoder": world_reader.encoder.fingerprint,
        "encoder": agent_reader.encoder.fingerprint,
    }
    return Setting(task, task.serving(held_out), fingerprints)


def check_numbers(cfg: DictConfig) -> None:
    """Refuse counts that make no sense, before anything is loaded."""
    for key, least in (("steps", 1), ("threads", 1), ("evaluation.sessions_per_user", 1), ("evaluation.curve_points", 1)):
        value = OmegaConf.select(cfg, key)
        if not isinstance(value, int) or value < least:
            raise UsageError(f"{key} is {value!r}; give a whole number of {least} or more")


@dataclass(frozen=True)
class _Texts:
    """The data set, and what is read of it."""

    dataset: "Dataset"
    items: list[str]
    profiles: list[str]

    @staticmethod
    def of(cfg: DictConfig) -> "_Texts":
        prompts = {name: instantiate(cfg.prompts[name], f"prompts.{name}") for name in ("item", "profile")}
        dataset = _read(cfg.env.dataset)
        try:
            items = [prompts["item"](item) for item in dataset.items]
            profiles = [prompts["profile"](user) for user in dataset.users]
        except ValueError as error:
            raise UsageError(f"prompts, {dataset.name}: {error}") from error
        return _Texts(dataset, items, profiles)


def _read(config: DictConfig) -> "Dataset":
    try:
        dataset: Dataset = instantiate(_with_assets(config), "env.dataset").read()
    except (ValueError, OSError) as error:
        raise UsageError(f"env.dataset: {error}") from error
    return dataset


def _with_assets(config: DictConfig) -> DictConfig:
    """The same config, with every value `asset:NAME` replaced by the folder of that asset."""

    def resolved(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: resolved(child) for name, child in node.items()}
        return str(fetch(node.removeprefix("asset:"))) if isinstance(node, str) and node.startswith("asset:") else node

    return OmegaConf.create(resolved(OmegaConf.to_container(config, resolve=True)))


@dataclass(frozen=True, eq=False)
class Reader:
    """A language model and the projection fitted on the catalog: from texts to unit vectors [n, dim]."""

    encoder: Encoder
    projection: Projection
    items: Floats  # [num_items, dim] the catalog, read

    @staticmethod
    def of(encoder: DictConfig, projection: DictConfig, texts: Sequence[str], key: str) -> "Reader":
        """Read the catalog's texts; vectors are kept in the cache folder."""
        model: Encoder = instantiate(_with_assets(encoder), key)
        if isinstance(model, Shuffled):
            model = model.over(texts)
        cached = Cached(model, cache_folder() / "vectors")
        try:
            raw = cached.encode(texts)
            fitted = Projection.fit(raw, projection.dim, projection.whiten)
            return Reader(cached, fitted, fitted(raw))
        except ValueError as error:
            raise UsageError(f"{key}: {error}") from error

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors of other texts in the same space."""
        return self.projection(self.encoder.encode(texts))


class Remembering:
    """A reader for prompts: reads each text once a process, and nothing to disk.

    Args:
        reader: whose encoder and projection are used.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader, self.vectors = reader, dict[str, Floats]()

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors [n, dim]."""
        new = sorted({text for text in texts if text not in self.vectors})
        if new:
            encoder = self.reader.encoder
            model = encoder.encoder if isinstance(encoder, Cached) else encoder
            self.vectors.update(zip(new, self.reader.projection(model.encode(new)), strict=True))
        return np.stack([self.vectors[text] for text in texts])


def _simulator(
    cfg: DictConfig, texts: _Texts, reader: Reader
) -> tuple["Simulator", "Population", "Interactions"]:
    """The world with its train users, the held-out users, and the history that the platform has logged."""
    from recloop.envs.simulator import Simulator
    from recloop.envs.users import Population

    settings = cfg.env.population
    try:
        history, _ = texts.dataset.interactions.split_by_time(settings.history_share)
        everybody = Population(
            history.pool(reader.items, settings.half_life_interactions), np.arange(len(texts.profiles)), settings.spread
        )
        train, held_out = everybody.split(settings.held_out, settings.split_seed)
        world = _catalog(cfg, texts, reader.items, history.of_users(train.members))
    except ValueError as error:
        raise UsageError(f"env.population: {error}") from error
    dynamics = tuple(instantiate(part, f"env.dynamics.{name}") for name, part in cfg.env.dynamics.items())
    choice, sessions = instantiate(cfg.env.choice, "env.choice"), instantiate(cfg.env.sessions, "env.sessions")
    return Simulator(world, train, choice, dynamics, sessions), held_out, history


def _catalog(cfg: DictConfig, texts: _Texts, vectors: Floats, logs: "Interactions") -> "Catalog":
    from recloop.envs.catalog import Catalog

    return Catalog(
        vectors=vectors,
        titles=[item["title"] for item in texts.dataset.items],
        texts=texts.items,
        groups=[item["group"] for item in texts.dataset.items],
        popularity=logs.popularity(),
        quality=logs.quality(cfg.env.world.quality_shrinkage),
    )


def _observation(
    cfg: DictConfig, texts: _Texts, simulator: "Simulator", reader: Reader, history: "Interactions"
) -> "Observation":
    """What the agent sees, in its own space; the oracle sees the world's."""
    from recloop.envs.observations import Oracle, Pooled

    partial = instantiate(cfg.env.observation, "env.observation")
    world, max_steps = simulator.world, simulator.sessions.max_steps
    observation: Observation
    if partial.func is Oracle:
        observation = partial(items=world, max_steps=max_steps)
    elif partial.func is Pooled:
        known = history.pool(reader.items, cfg.env.population.half_life_interactions)
        items = world.seen_through(reader.items)
        observation = partial(items=items, history=known, max_steps=max_steps, profiles=reader(texts.profiles))
    else:
        write = instantiate(cfg.prompts.history, "prompts.history")
        observation = partial(
            items=world.seen_through(reader.items),
            read=Remembering(reader),
            write=write,
            profiles=texts.profiles,
            recent_likes=history.recent_likes(write.max_items),
            max_steps=max_steps,
        )
    return observation
