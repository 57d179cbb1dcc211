"""What users write, wired up: the catalog's words, the agent's reader, and the texts of people who are real."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from omegaconf import DictConfig

from recloop.encoders.hearing import Hearing
from recloop.experiments.build import FEEDBACK, instantiate
from recloop.experiments.errors import UsageError
from recloop.experiments.reading import Reader, blaming

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.datasets.dataset import Dataset
    from recloop.envs.feedback import Feedback, Remarks


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
    remarks = remarks_of(cfg)
    with blaming(FEEDBACK):
        writer = remarks.of(world, [_words(row) for row in texts.dataset.items])
        steps = Hearing.of(reader.encoder.encode, reader.projection)(writer.texts)  # [texts, dim]
    return Feedback(writer, steps * remarks.gain)


def remarks_of(cfg: DictConfig) -> "Remarks":
    """What users write as `cfg` says; as it is by default where they keep silent."""
    from recloop.envs.feedback import Remarks

    remarks: Remarks = instantiate(cfg.env.feedback, FEEDBACK) if cfg.env.get("feedback") is not None else Remarks()
    return remarks


def _words(row: Mapping[str, str]) -> Sequence[str]:
    """The genres of an item; its group where it has none."""
    return [word.strip() for word in row.get("genres", row["group"]).split(",")]
