"""Where an agent trains and is evaluated, put together from a configuration: agents, encoders and environments meet."""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from recloop.agents.policy import Floats, Ints, ItemSpace
from recloop.encoders.encoder import Encoder
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.given import Given
from recloop.encoders.projection import Projection
from recloop.experiments import look_up, worlds
from recloop.experiments.build import SPACE, deployed, instantiate, with_assets
from recloop.experiments.errors import UsageError
from recloop.experiments.hearing import feedback
from recloop.experiments.reading import Reader, blaming
from recloop.experiments.remembering import Counts, Remembering, total
from recloop.experiments.store import mapped
from recloop.experiments.worlds import Fidelity

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.datasets.dataset import Dataset
    from recloop.envs.interactions import Interactions
    from recloop.envs.observations import Observation
    from recloop.envs.rewards import Reward
    from recloop.envs.simulator import Simulator
    from recloop.envs.task import Task
    from recloop.envs.users import Population


@dataclass(frozen=True, eq=False)
class Setting:
    """Where an agent trains and is evaluated.

    Args:
        train: the task with the train users.
        held_out: the same task with the users kept for evaluation.
        projection: from the agent's encoder to the space of its states, fitted on the catalog.
        fingerprints: of data, encoders, and what was fitted on logs, by name.
        fidelity: how well the world predicts real people.
    """

    train: "Task"
    held_out: "Task"
    projection: Projection
    fingerprints: dict[str, str]
    fidelity: Fidelity | None = None

    @property
    def reading(self) -> Counts | None:
        """What reading prompts has come to so far, in this process; None where states are no prompts."""
        tasks = (self.train, self.held_out)
        readers = {id(read): read for task in tasks if (read := getattr(task.observation, "texts_to_vectors", None))}
        counted = [read.counts for read in readers.values() if isinstance(read, Remembering)]
        return total(counted) if counted else None


def item_space(task: "Task") -> ItemSpace:
    """What whoever plays `task` knows of its actions."""
    from recloop.envs.actions import name_of

    catalog, stock = task.observation.items, task.actions.stock
    return ItemSpace(
        catalog.vectors,
        catalog.quality,
        catalog.popularity,
        task.layout,
        stock.slate,
        stock.slots,
        nearest=stock.nearest,
        says=name_of(task.actions),
    )


def build_setting(cfg: DictConfig, projection: Projection | None = None) -> Setting:
    """Read the data, have the texts read, fit the users, put the task together.

    The agent reads through `projection`, which it was trained with; None fits one on the catalog.

    Where `cfg.deploy` names another environment, the agent is evaluated there, on users and items it has never met.

    Raises:
        UsageError: naming the key, its value and the remedy.
    """
    setting = _setting(cfg, projection)
    if cfg.get("deploy") is None:
        return setting
    elsewhere = _setting(deployed(cfg), setting.projection, recentre=True)
    fingerprints = {f"deployed {name}": value for name, value in elsewhere.fingerprints.items()}
    return replace(setting, held_out=elsewhere.held_out, fingerprints={**setting.fingerprints, **fingerprints})


def _setting(cfg: DictConfig, projection: Projection | None, *, recentre: bool = False) -> Setting:
    reward: Reward = instantiate(cfg.env.reward, "env.reward")
    texts = Texts.of(cfg)
    world_reader = read_world(cfg, texts)
    simulator, held_out, history = _simulator(cfg, texts, world_reader)
    _, later = texts.dataset.interactions.split_by_time(cfg.env.population.history_share)
    fidelity = worlds.fidelity(simulator, later)
    agent_reader = _reader(cfg.encoder, cfg.projection, texts, "encoder", projection, recentre=recentre)
    fingerprints = {
        "data": texts.dataset.fingerprint,
        "world encoder": world_reader.encoder.fingerprint,
        "encoder": agent_reader.encoder.fingerprint,
        **worlds.fingerprints(_space(cfg), instantiate(cfg.env.choice, "env.choice"), simulator),
    }
    with blaming("env"):
        train, held_out_task = _tasks(cfg, texts, simulator, held_out, agent_reader, history, reward)
        fingerprints |= look_up.fingerprints(simulator.world, train.observation.items, held_out_task.observation.items)
    if train.feedback is not None:
        fingerprints["feedback"] = fingerprint(texts=train.feedback.writer.texts)
    return Setting(train, held_out_task, agent_reader.projection, fingerprints, fidelity)


def _tasks(
    cfg: DictConfig,
    texts: "Texts",
    simulator: "Simulator",
    held_out: "Population",
    reader: Reader,
    history: "Interactions",
    reward: "Reward",
) -> "tuple[Task, Task]":
    """To train on, and to evaluate on: new items, of which the platform has no log, are all that evaluation offers."""
    from recloop.envs.actions import Items
    from recloop.envs.task import Task

    new = new_items(cfg, simulator.world.num_items)
    logged = _logged(cfg, history)
    known = logged.where(~np.isin(logged.items, new))
    ads = _ads(cfg)
    slots = ads.slots(simulator.world.prices, simulator.choice.slate) if ads else None
    actions = instantiate(cfg.env.action, "env.action") if cfg.env.get("action") else Items()
    heard = feedback(cfg, texts, simulator.world, reader)
    whole = Task(simulator, _observation(cfg, texts, simulator, reader, known), reward, slots, actions, heard)
    if not len(new):
        return whole, whole.serving(held_out)
    old = np.setdiff1d(np.arange(simulator.world.num_items), new)
    return whole if cfg.env.catalog.learns_from_new else whole.offering(old), whole.offering(new).serving(held_out)


def _logged(cfg: DictConfig, history: "Interactions") -> "Interactions":
    """As much of people's history as the platform has: all, or the first part of each, and then it is old."""
    share = cfg.env.population.get("known_share")
    return history if share is None else history.split_by_time(share)[0]


def new_items(cfg: DictConfig, num_items: int) -> Ints:
    """The rows of the catalog that come only when the agent is evaluated, in rising order."""
    share = cfg.env.catalog.new_share
    order = np.random.default_rng(cfg.env.catalog.split_seed).permutation(num_items)
    return np.sort(order[: round(share * num_items)])


@dataclass(frozen=True)
class Texts:
    """The data set, and what is read of it."""

    dataset: "Dataset"
    items: Sequence[str]
    profiles: Sequence[str]
    vectors: Floats | None = None  # that the items bring, [num_items, dim]

    @staticmethod
    def of(cfg: DictConfig) -> "Texts":
        """Read the data that `cfg` names and write its texts."""
        config = with_assets(cfg.env.dataset)
        try:
            dataset: Dataset = instantiate(config, "env.dataset").read()
        except (ValueError, OSError) as error:
            raise UsageError(f"env.dataset: {error}") from error
        if multiprocessing.parent_process() is None:
            _tell(dataset.name, *dataset.figures.items())
        source = config.get("folder", dataset.name)
        items = _written(instantiate(cfg.prompts.item, "prompts.item"), dataset.items, f"{source}: item")
        profiles = _written(instantiate(cfg.prompts.profile, "prompts.profile"), dataset.users, f"{source}: user")
        with blaming("env.dataset"):
            own = dataset.vectors and mapped(dataset.vectors.fingerprint, dataset.vectors.make)
        return Texts(dataset, items, profiles, own)


@cache
def _tell(name: str, *figures: tuple[str, float]) -> None:
    """Say how a data set was read, once, to whoever sits at a terminal."""
    console = Console(stderr=True)
    for figure, share in figures if console.is_terminal else ():
        console.print(f"{name}: {figure.replace('_', ' ')} {share:.1%}", highlight=False)


def _written(
    prompt: Callable[[Mapping[str, str]], str], rows: Sequence[Mapping[str, str]], where: str
) -> Sequence[str]:
    """A text for each row of a data set; where rows are made when they are asked for, so is it."""
    from recloop.envs.made import Made

    if isinstance(rows, Made):
        return rows.each(prompt)
    texts = []
    for number, row in enumerate(rows, start=1):
        try:
            texts.append(prompt(row))
        except ValueError as error:
            raise UsageError(f"{where} {number}: {error}") from error
    return texts


def read_world(cfg: DictConfig, texts: Texts) -> Reader:
    """The texts as the world's encoder reads them."""
    return _reader(cfg.env.world.encoder, cfg.env.world.projection, texts, "env.world.encoder")


def encoder_of(cfg: DictConfig) -> Encoder:
    """What the agent reads texts with; nothing of it is loaded yet."""
    encoder: Encoder = instantiate(with_assets(cfg.encoder), "encoder")
    return encoder


def _reader(
    encoder: DictConfig,
    settings: DictConfig,
    texts: "Texts",
    key: str,
    fitted: Projection | None = None,
    *,
    recentre: bool = False,
) -> Reader:
    model = instantiate(with_assets(encoder), key)
    if isinstance(model, Given) and texts.dataset.vectors is not None and texts.vectors is not None:
        model = model.holding(texts.vectors, texts.dataset.vectors.fingerprint)
    return Reader.of(model, settings.dim, settings.whiten, texts.items, key, fitted, recentre=recentre)


def _simulator(cfg: DictConfig, texts: Texts, reader: Reader) -> tuple["Simulator", "Population", "Interactions"]:
    """The world with its train users, the held-out users, and the history that the platform has logged."""
    from recloop.envs.simulator import Simulator
    from recloop.envs.users import Population

    settings = cfg.env.population
    with blaming("env.population"):
        history, _ = texts.dataset.interactions.split_by_time(settings.history_share)
        tastes = history.pool(reader.items, settings.half_life_interactions)  # [num_users, dim]
        everybody = Population(tastes, np.arange(len(tastes)), settings.spread)
        train, held_out = everybody.split(settings.held_out, settings.split_seed)
        if settings.get("validation") is not None:
            train, held_out = train.split(settings.validation, settings.split_seed)
    choice, half_life = instantiate(cfg.env.choice, "env.choice"), settings.half_life_interactions
    with blaming("env.world"):
        fitted = worlds.fit_world(_space(cfg), choice, reader.items, history, train.members, half_life)
        trusted = _trusted(texts.dataset.trust, fitted.tastes)
        train, held_out = (_felt(users, fitted.tastes, trusted) for users in (train, held_out))
        world = _catalog(cfg, texts, fitted, history.of_users(train.members))
    dynamics = tuple(instantiate(part, f"env.dynamics.{name}") for name, part in cfg.env.dynamics.items())
    sessions = instantiate(cfg.env.sessions, "env.sessions")
    with blaming("env.dynamics"):
        return Simulator(world, train, fitted.choice, dynamics, sessions), held_out, history


def _felt(users: "Population", tastes: Floats, trusted: Floats | None) -> "Population":
    """The same people with the tastes of a fitted world, without those of whom it can say nothing."""
    known = users.members[np.linalg.norm(tastes[users.members], axis=1) > 0]
    return replace(users, tastes=tastes, trusted=trusted, members=known)


def _trusted(trust: Ints | None, tastes: Floats) -> Floats | None:
    """Mean taste of those whom each user trusts, zeros where nobody, [num_users, dim]; None if nobody was asked."""
    if trust is None:
        return None
    sums = np.zeros(tastes.shape, np.float64)
    np.add.at(sums, trust[:, 0], tastes[trust[:, 1]])
    count = np.bincount(trust[:, 0], minlength=len(tastes))  # [num_users]
    return (sums / np.maximum(count, 1)[:, None]).astype(np.float32)


def _space(cfg: DictConfig) -> Any:
    """What places the world's items; None if they lie as they are read."""
    config = cfg.env.world.get("space")
    return None if config is None else instantiate(config, SPACE)


def _ads(cfg: DictConfig) -> Any:
    """Which items are ads, and where they may stand; None without any."""
    return instantiate(cfg.env.ads, "env.ads") if cfg.env.get("ads") else None


def _catalog(cfg: DictConfig, texts: Texts, fitted: worlds.World, logs: "Interactions") -> "Catalog":
    from recloop.envs.catalog import Catalog

    ads = _ads(cfg)
    return Catalog(
        vectors=fitted.vectors,
        titles=_column(texts.dataset.items, "title"),
        texts=texts.items,
        groups=_column(texts.dataset.items, "group"),
        popularity=logs.popularity(),
        quality=logs.quality(cfg.env.world.quality_shrinkage) if fitted.quality is None else fitted.quality,
        prices=ads.prices(len(fitted.vectors)) if ads else None,
        look_up=look_up_of(cfg),
    )


def _column(rows: Sequence[Mapping[str, str]], name: str) -> Sequence[str]:
    """One attribute of every row."""
    from recloop.envs.made import Made

    return rows.each(lambda row: row[name]) if isinstance(rows, Made) else [row[name] for row in rows]


def look_up_of(cfg: DictConfig) -> look_up.LookUp:
    """How the items nearest to a vector are found; runs of old compared every item."""
    from recloop.envs.indexes import EveryItem

    kind = instantiate(cfg.env.index, "env.index") if cfg.env.get("index") else EveryItem()
    return look_up.LookUp(kind, cfg.threads)


def _observation(
    cfg: DictConfig, texts: Texts, simulator: "Simulator", reader: Reader, history: "Interactions"
) -> "Observation":
    """What the agent sees, in its own space; the oracle sees the world's."""
    from recloop.envs.observations import Collaborative, Oracle, Pooled

    partial = instantiate(cfg.env.observation, "env.observation")
    world, max_steps = simulator.world, simulator.sessions.max_steps
    visible = simulator.visible if len(simulator.visible) else None
    observation: Observation
    if partial.func is Oracle:
        observation = partial(items=world, max_steps=max_steps, columns=simulator.columns)
    elif partial.func is Collaborative:
        known = history.pool(world.vectors, cfg.env.population.half_life_interactions)
        observation = partial(items=world, history=known, max_steps=max_steps, visible=visible)
    elif partial.func is Pooled:
        known = history.pool(reader.items, cfg.env.population.half_life_interactions)
        items = world.seen_through(reader.items)
        profiles = reader(texts.profiles) if reader.reads else None
        observation = partial(items=items, history=known, max_steps=max_steps, profiles=profiles, visible=visible)
    else:
        write = instantiate(cfg.prompts.history, "prompts.history")
        observation = partial(
            items=world.seen_through(reader.items),
            read=Remembering(reader),
            write=write,
            profiles=texts.profiles,
            recent_likes=history.recent_likes(write.max_items),
            max_steps=max_steps,
            visible=visible,
        )
    return observation
