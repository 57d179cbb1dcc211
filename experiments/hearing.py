"""What users write, wired up: the catalog's words, the agent's reader, and the texts of people who are real."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from omegaconf import DictConfig
from rich.console import Console

from recloop.encoders.author import WISHES, Wish
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.hearing import Hearing
from recloop.experiments.build import FEEDBACK, instantiate, with_assets
from recloop.experiments.errors import UsageError
from recloop.experiments.reading import Reader, blaming
from recloop.experiments.store import stored

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.datasets.dataset import Dataset
    from recloop.envs.feedback import Author, Feedback, Remarks


class Told(Protocol):
    """The data set of a run."""

    @property
    def dataset(self) -> "Dataset":
        """Which has the words of items."""


def feedback(cfg: DictConfig, texts: Told, world: "Catalog", reader: Reader) -> "Feedback | None":
    """What users of `world` write, read by the agent's model; None where they keep silent.

    Raises:
        UsageError: items have no words to write with, or the agent reads none.
    """
    if cfg.env.get("feedback") is None:
        return None
    from recloop.envs.feedback import Feedback
    from recloop.envs.observations import Pooled

    if not reader.reads or instantiate(cfg.env.observation, "env.observation").func is not Pooled:
        raise UsageError(
            f"{FEEDBACK}: words move the pooled state of an agent that reads; choose env/observation=pooled and an "
            "encoder such as minilm, or env/feedback=null"
        )
    remarks: Remarks = instantiate(with_assets(cfg.env.feedback), FEEDBACK)
    with blaming(FEEDBACK):
        writer = remarks.of(world, [_words(row) for row in texts.dataset.items])
        if remarks.author is not None:
            more, less = (_sentences(remarks.author, writer.words, wish) for wish in WISHES)
            writer = replace(writer, more=more, less=less)
        steps = Hearing.of(reader.encoder.encode, reader.projection)(writer.texts)  # [texts, dim]
    return Feedback(writer, steps * remarks.gain)


def _sentences(author: "Author", words: Sequence[str], wish: Wish) -> tuple[str, ...]:
    """What the author makes of each word, which is written once a machine."""
    key = fingerprint(author=author.fingerprint, words=list(words), wish=wish)
    kept = stored("sentences", key, lambda path: _write(author, words, wish, path))
    return tuple(json.loads(kept.path.read_bytes()))


def _write(author: "Author", words: Sequence[str], wish: Wish, path: Path) -> dict[str, Any]:
    console = Console(stderr=True)
    told = f"feedback that wants {wish}"
    console.print(f"{told}: writing of {len(words)} words (once)", highlight=False)
    start = time.perf_counter()
    sentences, drafts = zip(*author.write(words, wish), strict=True)
    seconds = time.perf_counter() - start
    path.write_text(json.dumps(sentences), encoding="utf-8")
    own = sum(number > 0 for number in drafts)
    console.print(f"{told}: {seconds:.0f} s, {own} of {len(words)} sentences are the model's own", highlight=False)
    return {"sentences": len(words), "of_the_model": own, "seconds": round(seconds, 3)}


def gain_of(cfg: DictConfig) -> float:
    """How far a sentence moves the state as `cfg` says; as it does by default where users keep silent."""
    from recloop.envs.feedback import Remarks

    return float((cfg.env.get("feedback") or {}).get("gain", Remarks.gain))


def _words(row: Mapping[str, str]) -> Sequence[str]:
    """The genres of an item; its group where it has none."""
    return [word.strip() for word in row.get("genres", row["group"]).split(",")]
