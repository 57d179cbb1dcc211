"""`recloop finetune`: an encoder that has learned from what people liked, and what that is worth."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

from recloop.agents.policy import Floats, Ints
from recloop.encoders.finetuning import Behaviour, Epoch, FineTuning, Tuner
from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from rich.table import Table

    from recloop.encoders.encoder import Encoder
    from recloop.encoders.pictured import Pictured
    from recloop.encoders.transformer import Transformer
    from recloop.envs.fidelity import Figures, Pair
    from recloop.envs.interactions import Interactions
    from recloop.experiments.setting import Texts

ENCODER = "encoder"
"""The folder of the model, in that of the run."""

VALIDATION = 0.1
"""Share of the train users whose likes say when to stop."""

_FORMAT = 1
_SCORES = ("centred cosine", "calibrated similarity", "learned metric")
_EXAMPLES = """\
words are those of `recloop train`; encoder, env.dataset and prompts say what is read:
  recloop finetune env.catalog.new_share=0.2          MiniLM learns, and is asked about films it has not learned from
  recloop finetune --method lora                      by LoRA (pip install 'recloop[lora]')
  recloop finetune --negatives rated                  what people like of what they chose, instead of what they choose
  recloop train encoder.model=RUN_DIR/encoder         train an agent that reads with it
  recloop finetune encoder=clip_pictures --method gate --learning-rate 0.01       how much pictures count

Learned from: the first part of the histories of the train users (env.population), without new items (env.catalog).
run_dir gets encoder/ (a model folder), table.txt, finetune.json, config.json. Ctrl-C keeps the best so far.
"""


class Tuned(NamedTuple):
    """What was learned, and how well texts predict people before and after."""

    epochs: list[Epoch]
    stopped: bool  # by a signal
    rows: "dict[str, dict[str, Figures]]"  # by score and reading, then by question


def main(words: list[str]) -> None:
    """`recloop finetune [--method last|lora|gate] [key=value ...]`.

    Raises:
        UsageError: naming key or flag, value and remedy.
    """
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check, refuse_used
    from recloop.experiments.reading import blaming
    from recloop.experiments.seeding import set_threads

    given = vars(_parse(words))
    cfg = composed(["name=finetune", *given.pop("words")])
    check(cfg)
    refuse_used(folder := Path(cfg.run_dir))
    set_threads(cfg.threads)
    with blaming("finetune"):
        settings = FineTuning(seed=cfg.seed, **given)
        _conclude(cfg, folder, settings, finetune(cfg, settings, folder / ENCODER), words)


def _parse(words: list[str]) -> argparse.Namespace:
    parser = Parser(
        "recloop finetune",
        description="Teach the encoder from what people liked, and say how much better it predicts them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    helps = {
        "method": "last: the last layers; lora: low-rank additions to them, merged at the end; gate: how much each "
        "item's picture counts, of an encoder such as clip_pictures",
        "layers": "from the last one on, that learn",
        "rank": "of LoRA",
        "negatives": "rated: what people like of what they chose; batch: what they choose",
        "temperature": "of the contrast",
        "learning_rate": "of AdamW",
        "batch_texts": "texts of a step",
        "epochs": "at most",
        "patience": "epochs without a better validation loss",
    }
    for name, value in asdict(FineTuning()).items():
        if name != "seed":
            said = f"{helps[name]} (default: {value})"
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=said)
    parser.add_argument("words", metavar="key=value", nargs="*", help="as in `recloop train`")
    return parser.parse_intermixed_args(words)


def finetune(cfg: "DictConfig", settings: FineTuning, folder: Path) -> Tuned:
    """Teach the encoder of `cfg`, write the best to `folder`, measure before and after."""
    from recloop.encoders.pictured import Pictured
    from recloop.encoders.transformer import Transformer
    from recloop.experiments.setting import Texts, encoder_of, new_items

    encoder = encoder_of(cfg)
    if not isinstance(encoder, Transformer | Pictured):
        raise UsageError(f"encoder is {type(encoder).__name__}, which cannot learn; choose one such as encoder=minilm")
    texts = Texts.of(cfg)
    history, later = texts.dataset.interactions.split_by_time(cfg.env.population.history_share)
    new = new_items(cfg, len(texts.items))
    train, validation = behaviour(cfg, history, new)
    tuner = settings.of(encoder, texts.items)
    epochs, stopped = _learn(tuner, train, validation)
    tuner.save(folder)
    after = _like(encoder, folder)
    return Tuned(epochs, stopped, _compare(cfg, texts, {"before": encoder, "after": after}, history, later, new))


def behaviour(cfg: "DictConfig", history: "Interactions", new: Ints) -> tuple[Behaviour, Behaviour]:
    """What the train users did, but for new items: of most of them, and of a share `VALIDATION` of them."""
    from recloop.envs.fidelity import liked
    from recloop.envs.users import Population

    settings = cfg.env.population
    anybody = Population(np.ones((history.num_users, 1), np.float32), np.arange(history.num_users))
    users, _ = anybody.split(settings.held_out, settings.split_seed)
    if settings.get("validation") is not None:
        users, _ = users.split(settings.validation, settings.split_seed)
    learning, watching = users.split(VALIDATION, settings.split_seed)
    known = history.where(~np.isin(history.items, new))
    shape, ones = (history.num_users, history.num_items), np.ones(len(known.items), np.float32)
    rated = sparse.csc_array((ones, (known.users, known.items)), shape)
    likes = sparse.csc_array((ones * liked(known), (known.users, known.items)), shape)
    whole = Behaviour(likes, rated)
    return whole.of(_marked(learning.members, history)), whole.of(_marked(watching.members, history))


def _marked(members: Ints, history: "Interactions") -> Any:
    return np.isin(np.arange(history.num_users), members)


def _learn(tuner: Tuner, train: Behaviour, validation: Behaviour) -> tuple[list[Epoch], bool]:
    """All epochs, and whether a signal came: then the best so far is kept."""
    from recloop.experiments.display import display
    from recloop.experiments.progress import progress

    epochs: list[Epoch] = []
    try:
        with display(unit="epochs") as reporter, progress(reporter, "finetune", tuner.settings.epochs) as bar:
            for epoch in tuner.learn(train, validation):
                epochs.append(epoch)
                bar.advance(min(epoch.number, 1), validation_loss=epoch.validation_loss)
    except KeyboardInterrupt:
        if not epochs:
            raise
        return epochs, True
    return epochs, False


def _like(encoder: "Transformer | Pictured", folder: Path) -> "Transformer | Pictured":
    """What was learned into `folder`, read in the same way."""
    from recloop.encoders.transformer import Transformer

    if isinstance(encoder, Transformer):
        return replace(encoder, model=str(folder), revision=None)
    return replace(encoder, fusion="gate", gate=str(folder))


def _compare(
    cfg: "DictConfig",
    texts: "Texts",
    readings: "dict[str, Encoder]",
    history: "Interactions",
    later: "Interactions",
    new: Ints,
) -> "dict[str, dict[str, Figures]]":
    """How well each score predicts later ratings, by what each reading says: of known items, and of new ones."""
    from recloop.envs.fidelity import Ask, known, measure, new_items
    from recloop.envs.predictors import PREDICTORS, predict

    is_new = np.isin(np.arange(history.num_items), new)
    before = history.where(~is_new[history.items])
    asks: dict[str, tuple[Ask, Pair]] = {"known items": (known, known(before, later, 1, 0)[0])}
    if len(new):
        asks["new items"] = (new_items, (before, later.where(is_new[later.items])))
    rows: dict[str, dict[str, Figures]] = {}
    for name, encoder in readings.items():
        reading = _reading(cfg, texts, encoder)
        for score in _SCORES:
            rows[f"{score}, {name}"] = {
                question: measure(asked, predict(PREDICTORS[score], reading, ask, logs, asked))
                for question, (ask, (logs, asked)) in asks.items()
            }
    return rows


def _reading(cfg: "DictConfig", texts: "Texts", encoder: "Encoder") -> Any:
    from recloop.envs.predictors import Reading
    from recloop.experiments.reading import Reader

    settings = cfg.projection
    reader = Reader.of(encoder, settings.dim, settings.whiten, texts.items, "encoder")
    raw: Floats = reader.encoder.encode(texts.profiles)
    return Reading(reader.encoder.encode(texts.items), raw, reader.items, reader(texts.profiles))


def table(found: Tuned) -> "Table":
    """AUC, log loss and calibration error of each score before and after, by question."""
    from rich.table import Table

    from recloop.experiments.table import number

    shown = Table(box=None, pad_edge=False, header_style="dim")
    shown.add_column("score", no_wrap=True)
    for question in next(iter(found.rows.values())):
        for heading in (f"{question}\nAUC", "\nlog loss", "\ncalibration error"):
            shown.add_column(heading, justify="right")
    for name, figures in sorted(found.rows.items(), key=lambda row: row[0].partition(",")[0]):
        shown.add_row(name, *(number(figure, ".3f") for each in figures.values() for figure in each[:3]))
    return shown


def lines(found: Tuned) -> list[str]:
    """What the figures are over, and how learning went."""
    questions = next(iter(found.rows.values()))
    best = max((epoch for epoch in found.epochs if epoch.is_best), key=lambda epoch: epoch.number)
    return [
        *(f"{name}: {figures.ratings:,} later ratings, {figures.users:,} users" for name, figures in questions.items()),
        f"validation loss {found.epochs[0].validation_loss:.4f} before, {best.validation_loss:.4f} after epoch "
        f"{best.number} of {found.epochs[-1].number}{'; stopped, the best so far is kept' if found.stopped else ''}",
    ]


def _conclude(cfg: "DictConfig", folder: Path, settings: FineTuning, found: Tuned, command: list[str]) -> None:
    """Print the table, keep everything in `folder`."""
    from recloop.experiments.measured import keep, recording
    from recloop.experiments.setting import Texts, encoder_of

    console = recording()
    console.print(table(found))
    for line in lines(found):
        console.print(line, soft_wrap=True, highlight=False)
    facts = {
        "format": _FORMAT,
        "settings": asdict(settings),
        "epochs": [epoch._asdict() | {"loss": epoch.loss if epoch.number else None} for epoch in found.epochs],
        "stopped": found.stopped,
        "rows": {
            name: {question: figures._asdict() for question, figures in row.items()} for name, row in found.rows.items()
        },
    }
    fingerprints = {"data": Texts.of(cfg).dataset.fingerprint, "encoder before": encoder_of(cfg).fingerprint}
    keep(cfg, folder, "finetune", facts, ["finetune", *command], fingerprints, console)
    key = "encoder.fusion=gate encoder.gate" if settings.method == "gate" else "encoder.model"
    console.print(f"read with it: {key}={folder / ENCODER}", soft_wrap=True, highlight=False)
