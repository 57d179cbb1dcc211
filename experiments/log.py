"""`recloop log`: sessions of any policy, with propensities, as a Minari data set."""

import argparse
import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recloop.encoders.files import write_atomically
from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser

if TYPE_CHECKING:
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.logs import Log

_EXAMPLES = """\
examples:
  recloop log random env=movielens                                a baseline, where `recloop train` would train
  recloop log similarity-greedy --epsilon 0.2 experiment=smoke
  recloop log similarity-greedy --temperature 0.1 env.sessions.max_steps=5
  recloop log RUN                                                 PPO, with the chances that it has learned
  recloop log RUN --epsilon 0.1                                   any agent, with one recommendation in ten at random

baselines: random, popularity, similarity-greedy, boredom-aware-heuristic, sparing-heuristic, greedy-oracle,
rollout-planner. What the log says of other policies: recloop ope FOLDER WHO ...
"""

_DEFAULT_EPSILON = 0.1


class Recorded(NamedTuple):
    """How a log was made: log.json."""

    who: str
    name: str
    sees: str
    epsilon: float | None
    temperature: float | None
    sessions_per_user: int
    seed: int


def main(words: list[str]) -> None:
    """`recloop log WHO [key=value ...]`.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    parser = Parser(
        "recloop log",
        description="Record sessions of a policy with held-out users: what it recommended, how likely that was, and "
        "what came of it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("who", metavar="WHO", help="the folder of a run, or a baseline")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="where it plays")
    chance_flags(parser, f"; {_DEFAULT_EPSILON} unless given, or unless WHO has chances of its own")
    parser.add_argument("--sessions-per-user", type=int, default=4, help="of every held-out user (default 4)")
    parser.add_argument("--seed", type=int, default=1, help="of the users' luck and of the policy's (default 1)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where it goes; logs/TIME unless given")
    given = parser.parse_intermixed_args(words)
    if given.sessions_per_user < 1 or given.seed < 0:
        raise UsageError("--sessions-per-user is 1 or more, --seed 0 or more")
    record_log(given)


def chance_flags(parser: argparse.ArgumentParser, default: str) -> None:
    """The two ways of making a policy choose at random."""
    parser.add_argument("--epsilon", type=float, help=f"share of recommendations made at random{default}")
    parser.add_argument("--temperature", type=float, help="of a softmax over the policy's scores, instead")


def record_log(given: argparse.Namespace) -> Path:
    """Record what the command line asks for; the folder that it is in.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    from rich.console import Console

    from recloop.agents.ppo import WatchedPPO
    from recloop.agents.stochastic import Sampled
    from recloop.experiments.contestants import arena, contestant, explorer
    from recloop.experiments.display import display
    from recloop.experiments.logs import DATA_SET, record, save_log
    from recloop.experiments.progress import progress
    from recloop.experiments.run import stored_config
    from recloop.experiments.seeding import set_threads

    where = arena(given.who, given.overrides)
    set_threads(where.cfg.threads)
    who = contestant(given.who, where)
    epsilon = given.epsilon
    if epsilon is None and given.temperature is None and not isinstance(who.policy, WatchedPPO):
        epsilon = _DEFAULT_EPSILON
    policy = Sampled(explorer(who, epsilon, given.temperature), given.seed)
    made = Recorded(
        given.who, who.name, who.task.observation.sees, epsilon, given.temperature, given.sessions_per_user, given.seed
    )
    folder: Path = given.out or Path("logs") / f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{uuid.uuid4().hex[:6]}"
    if (folder / "log.json").exists():
        raise UsageError(f"--out is {folder}, which holds a log already; choose another folder")
    luck = luck_of(made, who.task)
    with display() as reporter:
        with progress(reporter, who.name, len(luck.clicks)) as bar:
            log = record(who.task, policy, luck, bar)
        folder.mkdir(parents=True, exist_ok=True)
        with progress(reporter, "sessions kept", len(log.users)) as bar:
            save_log(folder, log, who.task.simulator.world.num_items, who.name, bar)
    where.setting.projection.save(folder / "projection.safetensors")
    write_atomically(folder / "config.json", json.dumps(stored_config(where.cfg), indent=2).encode())
    write_atomically(folder / "log.json", json.dumps(made._asdict(), indent=2).encode())
    for line in (
        f"{_summary(log)}: {folder}",
        f"read it: MINARI_DATASETS_PATH={folder} python -c \"import minari; minari.load_dataset('{DATA_SET}')\"",
        f"what it says of another policy: recloop ope {folder} similarity-greedy --epsilon 0.2",
    ):
        Console().print(line, soft_wrap=True, highlight=False, markup=False)
    return folder


def luck_of(made: Recorded, task: Any) -> "Luck":
    """The luck that a log was recorded with."""
    from recloop.experiments.evaluate import Luck

    return Luck.draw(task.simulator, made.sessions_per_user, made.seed)


def _summary(log: "Log") -> str:
    return (
        f"{len(log.users):,} sessions, {int(log.steps.sum()):,} recommendations, "
        f"{log.clicks.sum(axis=1).mean():.2f} clicks a session, least propensity "
        f"{log.propensities[log.under_way].min():.2g}"
    )
