"""What recommending to real people takes of a setting: the items as the agent reads them, and no simulated users.

Building a setting takes the data, the world's encoder and fits on ratings. What serving takes of it is small, and kept
in the cache folder, so that it is built once.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from recloop.agents.policy import Bools, Floats
from recloop.encoders.arrays import DamagedFileError, load_arrays, save_arrays
from recloop.encoders.files import cache_folder
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.projection import Projection
from recloop.experiments.build import deployed
from recloop.experiments.store import mapped
from recloop.experiments.titles import Titles

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.index import Index
    from recloop.experiments.setting import Setting

log = logging.getLogger(__name__)

_PARTS = ("env", "prompts", "deploy", "encoder", "projection")
"""Of the configuration: what decides how the agent reads which items."""


@dataclass(frozen=True, eq=False)
class Served:
    """The items of a run, in the agent's space.

    Args:
        items: what can be recommended; item numbers are rows of it.
        known_titles: of what people may have met, these items first.
        known_vectors: of the same, [known, dim].
        projection: from the agent's encoder to the space.
        slate: items recommended at once in training.
        slots: which items may stand at each position of a slate, [slate, num_items]; None for any.
    """

    items: "Catalog"
    known_titles: Sequence[str]
    known_vectors: Floats  # [known, dim]
    projection: Projection
    slate: int = 1
    slots: Bools | None = None

    @cached_property
    def titles(self) -> Titles:
        """By which people mention items."""
        unknown = np.zeros(len(self.known_titles) - self.items.num_items, np.float32)
        return Titles(self.known_titles, np.concatenate([self.items.popularity, unknown]))

    @staticmethod
    def of(cfg: DictConfig, setting: "Setting", projection: Projection) -> "Served":
        """What the agent of `cfg` can recommend where it is evaluated; people may have met what it was trained on."""
        task, trained = setting.held_out, setting.train.observation.items
        items = task.observation.items
        apart = items.titles != trained.titles
        titles = [*items.titles, *trained.titles] if apart else items.titles
        vectors = np.concatenate([items.vectors, trained.vectors]) if apart else items.vectors
        return Served(items, titles, vectors, projection, task.simulator.choice.slate, task.slots)

    def save(self, path: Path) -> None:
        """Write it to `path`, atomically and with a checksum; the vectors to where every process maps them."""
        name = hashlib.sha256(np.ascontiguousarray(self.known_vectors).data).digest()
        mapped(name.hex(), lambda: self.known_vectors)
        arrays: dict[str, NDArray[Any]] = {
            "vectors": np.frombuffer(name, np.uint8),
            "titles": np.frombuffer(json.dumps(list(self.known_titles)).encode(), np.uint8),
            "quality": self.items.quality,
            "popularity": self.items.popularity,
            "mean": self.projection.mean,
            "components": self.projection.components,
            "slate": np.array([self.slate]),
        }
        if self.slots is not None:
            arrays["slots"] = self.slots
        save_arrays(path, arrays)

    @staticmethod
    def load(path: Path, look_up: "Callable[[Floats], Index]") -> "Served":
        """Read what `save` wrote; `look_up` finds the nearest items.

        Raises:
            FileNotFoundError: there is no such file.
            DamagedFileError: its content is not what was saved.
        """
        from recloop.envs.catalog import Catalog

        arrays = load_arrays(path)
        vectors = mapped(arrays["vectors"].tobytes().hex(), _gone(path))
        titles, num_items = json.loads(arrays["titles"].tobytes()), len(arrays["quality"])
        own, known = titles[:num_items], (arrays["popularity"], arrays["quality"])
        items = Catalog(vectors[:num_items], own, own, [""] * num_items, *known, look_up=look_up)
        projection = Projection(arrays["mean"], arrays["components"])
        return Served(items, titles, vectors, projection, int(arrays["slate"][0]), arrays.get("slots"))


def _gone(path: Path) -> Callable[[], Floats]:
    def make() -> Floats:
        raise DamagedFileError(f"{path} is damaged (its vectors are gone); make it again")

    return make


def served(cfg: DictConfig, projection: Projection) -> Served:
    """What the agent of `cfg`, which reads through `projection`, can recommend; from the cache folder if it is there.

    Raises:
        UsageError: the setting cannot be built.
    """
    from recloop.experiments.setting import build_setting, look_up_of

    path = cache_folder() / "served" / f"{_key(cfg, projection)}.safetensors"
    try:
        return Served.load(path, look_up_of(deployed(cfg) if cfg.get("deploy") is not None else cfg))
    except FileNotFoundError:
        pass
    except DamagedFileError as error:
        log.warning("%s; doing so now", error)
    found = Served.of(cfg, build_setting(cfg, projection), _projection_there(cfg, projection))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(path)
    except OSError as error:
        log.warning("%s: %s; it will be made again next time", path, error)
    return found


def _projection_there(cfg: DictConfig, projection: Projection) -> Projection:
    """Where the agent is deployed on another catalog, the projection is about the mean of that one."""
    if cfg.get("deploy") is None:
        return projection
    from recloop.experiments.reading import Reader
    from recloop.experiments.setting import Texts, encoder_of

    texts, there = Texts.of(deployed(cfg)).items, cfg.projection
    return Reader.of(encoder_of(cfg), there.dim, there.whiten, texts, "encoder", projection, recentre=True).projection


def _key(cfg: DictConfig, projection: Projection) -> str:
    """Of all that the items depend on: configuration, projection, and the state of the files that it names."""
    from recloop.experiments.run import plain

    parts = {name: value for name, value in plain(cfg).items() if name in _PARTS}
    return fingerprint(
        recloop=version("recloop"),
        parts=json.dumps(parts, sort_keys=True),
        files=json.dumps(sorted(_files(parts))),
        projection=projection.fingerprint,
    )


def _files(node: Any) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of change of every file in the folders that a plain configuration names."""
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _files(child)
    elif isinstance(node, str) and "\0" not in node and len(node) < 4096 and (folder := Path(node)).is_dir():
        for path in folder.iterdir():
            if path.is_file():
                yield str(path), path.stat().st_size, path.stat().st_mtime_ns
