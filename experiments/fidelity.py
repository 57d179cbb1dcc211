"""`recloop fidelity`: how well do scores predict what real people liked, on ratings that they were not fitted on?"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recloop.encoders.files import write_atomically
from recloop.experiments.flags import Parser
from recloop.experiments.progress import Bar

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from rich.table import Table

    from recloop.encoders.encoder import Encoder
    from recloop.envs.fidelity import Ask, Curve, Figures
    from recloop.envs.interactions import Interactions
    from recloop.envs.predictors import Predictor, Reading
    from recloop.experiments.setting import Texts

SPLITS = 5
"""Parts of the catalog, or of the users, that are left out in turn."""

_FORMAT = 1

_EXAMPLES = """\
words are those of `recloop train`; env.dataset, env.world and prompts say what is asked about:
  recloop fidelity                                   MovieLens-100K, read by MiniLM
  recloop fidelity env=movielens_1m                  MovieLens-1M
  recloop fidelity encoder@env.world.encoder=hashing another reading
  recloop fidelity env.world.projection.dim=128 run_dir=my/folder

Table, figures and calibration curves go to run_dir: table.txt, fidelity.json, calibration.svg, config.json.
"""


class Row(NamedTuple):
    """A way to predict, and how well it does: an entry of each a question, by the question's name."""

    name: str
    figures: "dict[str, Figures]"  # means over the splits; users and ratings are sums
    curve: "Curve"  # on the first question


def main(words: list[str]) -> None:
    """`recloop fidelity [key=value ...]`.

    Raises:
        UsageError: naming key, value and remedy.
    """
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check, refuse_used
    from recloop.experiments.seeding import set_threads

    parser = Parser(
        "recloop fidelity",
        description="Say how well scores predict what real people liked, on ratings that came later: AUC within a "
        "user, log loss and calibration error, for known users and items, new items, and new users.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", metavar="key=value", nargs="*", help="as in `recloop train`")
    given = list(parser.parse_args(words).words)
    cfg = composed(["name=fidelity", *given])
    check(cfg)
    refuse_used(folder := Path(cfg.run_dir))
    set_threads(cfg.threads)
    _conclude(cfg, folder, measure_all(cfg), ["fidelity", *given])


def measure_all(cfg: "DictConfig") -> list[Row]:
    """Every way to predict, with the texts of `cfg` as its world reads them; the controls come last."""
    from recloop.envs.fidelity import QUESTIONS
    from recloop.envs.predictors import PREDICTORS, learned_metric
    from recloop.experiments.display import display
    from recloop.experiments.progress import progress
    from recloop.experiments.setting import Texts

    texts = Texts.of(cfg)
    parts = texts.dataset.interactions.split_by_time(cfg.env.population.history_share)
    readings = _readings(cfg, texts)
    text, *controls = readings.values()
    todo = [*((name, predictor, text) for name, predictor in PREDICTORS.items())]
    todo += [(name, learned_metric, reading) for name, reading in zip([*readings][1:], controls, strict=True)]
    with display() as reporter, progress(reporter, "fidelity", len(todo) * (1 + 2 * SPLITS)) as bar:
        return [_row(name, predictor, reading, parts, QUESTIONS, bar) for name, predictor, reading in todo]


def _readings(cfg: "DictConfig", texts: "Texts") -> "dict[str, Reading]":
    """What the world's encoder makes of the texts, and what two controls make of them, by name."""
    from recloop.encoders.controls import RandomVectors, Shuffled
    from recloop.envs.predictors import Reading
    from recloop.experiments.reading import Reader
    from recloop.experiments.setting import read_world

    own = read_world(cfg, texts)
    settings, inner = cfg.env.world.projection, own.encoder.encoder
    models: dict[str, Encoder] = {"random vectors": RandomVectors(inner.dim), "shuffled vectors": Shuffled(inner)}
    readers = {"text": own} | {
        name: Reader.of(model, settings.dim, settings.whiten, texts.items, "env.world.encoder")
        for name, model in models.items()
    }
    return {
        name: Reading(
            reader.encoder.encode(texts.items),
            reader.encoder.encode(texts.profiles),
            reader.items,
            reader(texts.profiles),
        )
        for name, reader in readers.items()
    }


def _row(
    name: str,
    predictor: "Predictor",
    reading: "Reading",
    parts: "tuple[Interactions, Interactions]",
    questions: "Mapping[str, Ask]",
    bar: Bar,
) -> Row:
    from recloop.envs.fidelity import calibration_curve, liked, measure
    from recloop.envs.predictors import predict

    figures, curves = {}, []
    for question, ask in questions.items():
        found = []
        for known, asked in ask(*parts, SPLITS, 0):
            chances = predict(predictor, reading, ask, known, asked)
            found.append(measure(asked, chances))
            curves.append(calibration_curve(liked(asked), chances))
            bar.advance(1)
        figures[question] = _mean(found)
    return Row(name, figures, curves[0])


def _mean(found: "list[Figures]") -> "Figures":
    """The mean of what splits came to, of the AUC where there is one; users and ratings are sums."""
    from recloop.envs.fidelity import Figures

    _, loss, error = np.mean([one[:3] for one in found], axis=0).tolist()
    aucs = [one.auc for one in found if one.users]
    auc = sum(aucs) / len(aucs) if aucs else np.nan
    return Figures(auc, loss, error, sum(one.users for one in found), sum(one.ratings for one in found))


def table(rows: list[Row]) -> "Table":
    """Three figures for each question."""
    from rich.table import Table

    from recloop.experiments.table import number

    shown = Table(box=None, pad_edge=False, header_style="dim")
    shown.add_column("score", no_wrap=True)
    for question in rows[0].figures:
        for heading in (f"{question}\nAUC", "\nlog loss", "\ncalibration error"):
            shown.add_column(heading, justify="right")
    for row in rows:
        cells = [number(figure, ".3f") for found in row.figures.values() for figure in found[:3]]
        shown.add_row(row.name, *cells)
    return shown


def lines(rows: list[Row]) -> list[str]:
    """What the figures are over."""
    return [
        f"{question}: {found.ratings:,} later ratings; AUC over {found.users:,} users with likes and others"
        + (f", in {SPLITS} splits of which the figures are means" if question.startswith("new") else "")
        for question, found in rows[0].figures.items()
    ]


def _conclude(cfg: "DictConfig", folder: Path, rows: list[Row], command: list[str]) -> None:
    """Print the table, keep everything in `folder`."""
    from recloop.experiments.measured import keep, recording
    from recloop.experiments.plots import calibration_curves
    from recloop.experiments.setting import Texts, read_world
    from recloop.experiments.svg import standalone

    console = recording()
    console.print(table(rows))
    for line in lines(rows):
        console.print(line, soft_wrap=True, highlight=False)
    facts = {"format": _FORMAT, "rows": [_plain(row) for row in rows]}
    texts = Texts.of(cfg)
    fingerprints = {"data": texts.dataset.fingerprint, "world encoder": read_world(cfg, texts).encoder.fingerprint}
    keep(cfg, folder, "fidelity", facts, command, fingerprints, console)
    curves = {row.name: row.curve for row in rows}
    write_atomically(folder / "calibration.svg", standalone(calibration_curves(curves)).encode())
    console.print(f"table, figures and calibration curves: {folder}", soft_wrap=True, highlight=False)


def _plain(row: Row) -> dict[str, Any]:
    figures = {
        question: {**found._asdict(), "auc": found.auc if found.users else None}
        for question, found in row.figures.items()
    }
    return {"name": row.name, "questions": figures, "calibration_curve": _lists(row.curve._asdict())}


def _lists(arrays: dict[str, Any]) -> dict[str, list[float]]:
    return {name: array.tolist() for name, array in arrays.items()}
