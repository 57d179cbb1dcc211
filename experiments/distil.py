"""`recloop distil`: users played by a language model, how well they predict people, and a student that is quick."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from recloop.agents.policy import Floats, Ints
from recloop.encoders.arrays import save_arrays
from recloop.encoders.files import cache_folder
from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.teacher import STARS, Doubles, Pairs, Said, ask, sample

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from rich.table import Table

    from recloop.encoders.opinions import Cost, Opinions
    from recloop.envs.fidelity import Figures
    from recloop.envs.interactions import Interactions
    from recloop.envs.student import Student
    from recloop.experiments.reading import Reader
    from recloop.experiments.setting import Texts

FOLDS = 5
"""Parts of the people: what is said of one is fitted on the others."""

_FORMAT = 1
_CALIBRATED = ("popularity", "calibrated similarity", "learned metric")
_EXAMPLES = """\
words are those of `recloop train`; env.dataset, env.world and prompts say what is asked about:
  recloop distil                                     SmolLM2-135M-Instruct plays 50 people of MovieLens-100K
  recloop distil --model my/folder --people 200      another model, more people
  recloop train env/world=taught env.world.space.folder=FOLDER      train among its users

Answers are kept in the cache folder: asked again, nothing is read twice. run_dir gets table.txt, distil.json,
student.safetensors, config.json.
"""


class Agreement(NamedTuple):
    """How well a student says what its teacher says, of people whom it was not taught on."""

    spearman: float  # within a person, mean
    auc: float  # chance that of two items the one that the teacher puts above the person's median is put above
    r2: float  # share of the variance of log odds within a person


class Distilled(NamedTuple):
    """What `recloop distil` finds."""

    student: "Student"
    language: Floats  # [num_items, dim] the items as the student reads them
    said: Said
    pairs: Pairs
    cost: "Cost"
    agreement: dict[str, Agreement]
    fidelity: "dict[str, Figures]"
    student_pairs_a_second: float
    fingerprints: dict[str, str]  # of data and models, by name


def main(words: list[str]) -> None:
    """`recloop distil [--model FOLDER] [key=value ...]`.

    Raises:
        UsageError: naming key or flag, value and remedy.
    """
    from recloop.encoders.prompts import RatingPrompt
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check, refuse_used
    from recloop.experiments.reading import blaming
    from recloop.experiments.seeding import set_threads

    given = _parse(words)
    cfg = composed(["name=distil", *given.words])
    check(cfg)
    refuse_used(folder := Path(cfg.run_dir))
    set_threads(cfg.threads)
    with blaming("--model"):
        opinions = opinions_of(given.model)
    with blaming("--told"):
        prompt = RatingPrompt(given.told)
    with blaming("distil"):
        _conclude(cfg, folder, distil(cfg, opinions, prompt, given.people, given.rated, given.unrated), words)


def _parse(words: list[str]) -> argparse.Namespace:
    parser = Parser(
        "recloop distil",
        description="Let a language model play users, hold what it says against what real people said, and teach a "
        "student that says the same at full speed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="asset:smollm2", help="folder, asset, or name@commit of a causal model")
    parser.add_argument("--people", type=int, default=50, help="who are played (default: 50)")
    parser.add_argument("--rated", type=int, default=10, help="later ratings of each that are asked about (10)")
    parser.add_argument("--unrated", type=int, default=12, help="other items that each is asked about (12)")
    parser.add_argument("--told", type=int, default=12, help="earlier ratings that the model is told of (12)")
    parser.add_argument("words", metavar="key=value", nargs="*", help="as in `recloop train`")
    given = parser.parse_intermixed_args(words)
    for name, least in (("people", FOLDS), ("rated", 2), ("unrated", 0), ("told", 0)):
        if getattr(given, name) < least:
            raise UsageError(f"--{name} is {getattr(given, name)}; give {least} or more")
    return given


def opinions_of(model: str) -> "Opinions":
    """What the model of that name, folder or asset says, kept in the cache folder."""
    from recloop.encoders.generator import Generator
    from recloop.encoders.opinions import Opinions
    from recloop.experiments.assets import fetch
    from recloop.experiments.build import ASSET

    found = str(fetch(model.removeprefix(ASSET))) if model.startswith(ASSET) else model
    return Opinions(Generator(found), STARS, cache_folder() / "opinions")


def distil(cfg: "DictConfig", opinions: "Opinions", prompt: Any, people: int, rated: int, unrated: int) -> Distilled:
    """Ask about pairs, teach a student, and measure both."""
    from recloop.envs.student import Student
    from recloop.experiments.display import display
    from recloop.experiments.progress import progress
    from recloop.experiments.seeding import streams
    from recloop.experiments.setting import Texts, read_world

    texts = Texts.of(cfg)
    history, later = texts.dataset.interactions.split_by_time(cfg.env.population.history_share)
    rng = streams(cfg.seed, "pairs")["pairs"]
    pairs = sample(history, later, people, rated, unrated, rng)
    if len(np.unique(pairs.users)) < FOLDS:
        raise UsageError(f"env.dataset: {len(np.unique(pairs.users))} people liked some later items and not others")
    with display(unit="ratings") as reporter, progress(reporter, "teacher", len(pairs.users)) as bar:
        said = ask(opinions, prompt, texts, history, pairs, bar)
    reader = read_world(cfg, texts)
    known = history.pool(reader.items, cfg.env.population.half_life_interactions)  # [num_users, dim]
    x, z = known[pairs.users], reader.items[pairs.items]
    student = Student.fit(x, z, said.log_odds, pairs.users)
    learned = _by_folds(x, z, said, pairs.users)
    began = time.perf_counter()
    (known @ student.pairs + student.item) @ reader.items.T
    rate = known.shape[0] * len(reader.items) / (time.perf_counter() - began)
    agreement = {name: agreement_of(guess, said.log_odds, pairs.users) for name, guess in learned.items()}
    scores = {"language model": said.log_odds, "its student": learned["student"]}
    fidelity = _fidelity(scores, pairs, history, texts, reader)
    fingerprints = {
        "data": texts.dataset.fingerprint,
        "world encoder": reader.encoder.fingerprint,
        "language model": opinions.generator.fingerprint,
    }
    return Distilled(student, reader.items, said, pairs, opinions.cost, agreement, fidelity, rate, fingerprints)


def _by_folds(x: Any, z: Any, said: Said, users: Ints) -> dict[str, Doubles]:
    """What students say of people whom they were not taught on: the whole of it, and by the item alone, [m] each."""
    from recloop.envs.student import Student

    whole, alone = np.empty(len(users)), np.empty(len(users))
    for out in _folds(users):
        student = Student.fit(x[~out], z[~out], said.log_odds[~out], users[~out])
        whole[out] = student(x[out], z[out])
        alone[out] = student._replace(pairs=np.zeros_like(student.pairs))(x[out], z[out])
    return {"student": whole, "of which the item alone": alone}


def _folds(users: Ints) -> list[Any]:
    """Which rows [m] belong to each part of the people."""
    people, place = np.unique(users, return_inverse=True)
    part = np.random.default_rng(0).permutation(len(people)) % FOLDS
    return [part[place] == fold for fold in range(FOLDS)]


def agreement_of(guess: Doubles, truth: Doubles, users: Ints) -> Agreement:
    """Figures of agreement of `guess` [m] with `truth` [m]."""
    from recloop.envs.fidelity import auc_within_users

    ranks, above, left, total = [], np.zeros(len(users), bool), 0.0, 0.0
    for user in np.unique(users).tolist():
        rows = users == user
        one, two = rankdata(guess[rows]), rankdata(truth[rows])
        if one.std() > 0 and two.std() > 0:
            ranks.append(np.corrcoef(one, two)[0, 1])
        above[rows] = truth[rows] > np.median(truth[rows])
        g, t = guess[rows] - guess[rows].mean(), truth[rows] - truth[rows].mean()
        left, total = left + float(((t - g) ** 2).sum()), total + float((t**2).sum())
    auc, _ = auc_within_users(users, above, guess)
    return Agreement(float(np.mean(ranks)) if ranks else np.nan, auc, 1 - left / total if total > 0 else np.nan)


def _fidelity(
    scores: dict[str, Doubles], pairs: Pairs, history: "Interactions", texts: "Texts", reader: "Reader"
) -> "dict[str, Figures]":
    """How well each score predicts the ratings of the sample, weighed by what it was worth for other people."""
    from recloop.envs.fidelity import liked, measure
    from recloop.envs.interactions import Interactions
    from recloop.envs.predictors import PREDICTORS, Reading

    rated = ~np.isnan(pairs.stars)
    users, items, when = pairs.users[rated], pairs.items[rated], np.arange(rated.sum())
    asked = Interactions(users, items, pairs.stars[rated], when, history.num_users, history.num_items)
    raw, profiles = reader.encoder.encode(texts.items), reader.encoder.encode(texts.profiles)
    reading = Reading(raw, profiles, reader.items, reader(texts.profiles))
    features = {name: PREDICTORS[name](history, reading)(users, items) for name in _CALIBRATED}
    features |= {name: score[rated][:, None] for name, score in scores.items()}
    return {
        name: measure(asked, _chances(columns, np.asarray(liked(asked)), users)) for name, columns in features.items()
    }


def _chances(features: Doubles, likes: Any, users: Ints) -> Doubles:
    """Chances [m] of a like, by a logistic regression on the other people of the sample."""
    from recloop.envs.response import Logistic

    chances = np.empty(len(users))
    for out in _folds(users):
        chances[out] = Logistic.fit(features[~out], likes[~out])(features[out])
    return chances


def tables(found: Distilled) -> "list[Table]":
    """Fidelity of every score, and what student and teacher have in common."""
    from rich.table import Table

    from recloop.experiments.table import number

    people = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("against people", "AUC", "log loss", "calibration error"):
        people.add_column(heading, justify="left" if heading.startswith("against") else "right")
    for name, figures in found.fidelity.items():
        people.add_row(name, *(number(figure, ".3f") for figure in figures[:3]))
    teacher = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("against the language model", "Spearman", "AUC", "R²"):
        teacher.add_column(heading, justify="left" if heading.startswith("against") else "right")
    for name, agreement in found.agreement.items():
        teacher.add_row(name, *(number(figure, ".3f") for figure in agreement))
    return [people, teacher]


def lines(found: Distilled) -> list[str]:
    """What the figures are over, and what they took."""
    any_ = next(iter(found.fidelity.values()))
    cost, num_people = found.cost, len(np.unique(found.pairs.users))
    return [
        f"{any_.ratings:,} later ratings and {len(found.pairs.users) - any_.ratings:,} other items of {num_people} "
        f"people; AUC over {any_.users} of them who have likes and others in the sample",
        f"language model: {cost.answers:,} ratings, {cost.tokens:,} tokens, {cost.seconds:,.0f} s "
        f"({cost.answers / max(cost.seconds, 1e-9):,.1f} ratings a second); "
        f"{found.said.mass:.0%} of its chance lies on the five answers",
        f"student: {found.student_pairs_a_second:,.0f} ratings a second",
    ]


def _conclude(cfg: "DictConfig", folder: Path, found: Distilled, command: list[str]) -> None:
    """Print tables, keep everything in `folder`."""
    from recloop.envs.student import STUDENT
    from recloop.experiments.measured import keep, recording

    console = recording()
    for table in tables(found):
        console.print(table)
    for line in lines(found):
        console.print(line, soft_wrap=True, highlight=False)
    save_arrays(folder / STUDENT, found.student.arrays(found.language))
    keep(cfg, folder, "distil", {"format": _FORMAT, **_plain(found)}, ["distil", *command], found.fingerprints, console)
    console.print(f"train among these users: env/world=taught env.world.space.folder={folder}", soft_wrap=True)


def _plain(found: Distilled) -> dict[str, Any]:
    return {
        "cost": found.cost._asdict(),
        "answers_mass": found.said.mass,
        "student_pairs_a_second": found.student_pairs_a_second,
        "fidelity": {name: figures._asdict() for name, figures in found.fidelity.items()},
        "agreement": {name: agreement._asdict() for name, agreement in found.agreement.items()},
    }
