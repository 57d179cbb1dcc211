"""`recloop ab`: two policies on the same users with the same luck, looked at after every user."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.sequential import LEAST_USERS, LEVEL, Decision, watch

if TYPE_CHECKING:
    from recloop.experiments.contestants import Arena, Contestant
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.interleaving import Ints
    from recloop.experiments.progress import Bar

_EXAMPLES = """\
examples:
  recloop ab RUN_A RUN_B
  recloop ab similarity-greedy boredom-aware-heuristic env=movielens
  recloop ab RUN sparing-heuristic env.dynamics.boredom.weight=0.8
  recloop ab similarity-greedy boredom-aware-heuristic --interleave 5     both fill one slate of five

The test may be looked at after every user (an always-valid p-value): a policy against itself is called different in at
most 5 % of the tests, however often one looks.
"""


class Verdict(NamedTuple):
    """What the test says, and in which words its figures are."""

    names: tuple[str, str]
    decision: Decision
    unit: str


def main(words: list[str]) -> None:
    """`recloop ab A B [key=value ...]`.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    parser = Parser(
        "recloop ab",
        description="Compare two policies on the same held-out users with the same luck.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", metavar="A", help="the folder of a run, or a baseline")
    parser.add_argument("second", metavar="B", help="another one")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="where they play")
    parser.add_argument(
        "--interleave", metavar="SLATE", type=int, help="rankers fill slates of so many items together (team draft)"
    )
    given = parser.parse_intermixed_args(words)
    for line in sentences(compare(given.first, given.second, given.overrides, given.interleave)):
        print(line)


def compare(first: str, second: str, overrides: Sequence[str], slate: int | None = None) -> Verdict:
    """Play both and watch the differences B less A, users in random order.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    from recloop.experiments.contestants import contestant
    from recloop.experiments.display import display
    from recloop.experiments.progress import progress
    from recloop.experiments.seeding import set_threads

    places = _places(first, second, overrides)
    set_threads(places[0].cfg.threads)
    both = contestant(first, places[0]), contestant(second, places[1])
    if slate is not None:
        differences = interleaved(*both, places[0], slate)
    else:
        with display() as reporter, progress(reporter, "policies", 2) as bar:
            differences = paired(*both, places[0], bar)
    if len(differences) < LEAST_USERS:
        raise UsageError(f"env.population.held_out leaves {len(differences)} users; a test needs {LEAST_USERS}")
    order = np.random.default_rng(places[0].cfg.evaluation.seed).permutation(len(differences))
    unit = f"clicks in a slate of {slate}" if slate else "clicks a session"
    return Verdict((both[0].name, both[1].name), watch(differences[order]), unit)


def _places(first: str, second: str, overrides: Sequence[str]) -> "tuple[Arena, Arena]":
    """Where each plays: a baseline where the other one does, two runs in the same world, each reading its own way."""
    from recloop.experiments.contestants import BASELINES, arena

    if second in BASELINES or first in BASELINES:
        where = arena(second if first in BASELINES else first, overrides)
        return where, where
    places = arena(first, overrides), arena(second, overrides)
    for key in places[0].cfg.env:
        if key != "observation" and places[0].cfg.env[key] != places[1].cfg.env.get(key):
            raise UsageError(f"env.{key} of {first} is not that of {second}; give it for both, env.{key}=...")
    return places


def paired(first: "Contestant", second: "Contestant", where: "Arena", bar: "Bar") -> NDArray[np.float64]:
    """Each user's clicks a session with B less those with A, [users], under the same luck."""
    from recloop.experiments.evaluate import play
    from recloop.experiments.metrics import clicks_per_user
    from recloop.experiments.run import final_luck

    luck = final_luck(where.cfg, where.setting)
    clicks = []
    for one in (first, second):
        clicks.append(clicks_per_user(play(one.task, one.policy, luck)))
        bar.advance(1)
    return np.asarray(clicks[1] - clicks[0], np.float64)


def interleaved(first: "Contestant", second: "Contestant", where: "Arena", slate: int) -> NDArray[np.float64]:
    """Each user's clicks on what B picked less those on what A picked, [users], in the first slate of a session.

    The user answers by position bias, with the scale and the offset of the environment.

    Raises:
        UsageError: one of them has no scores to rank by.
    """
    from dataclasses import replace

    from recloop.envs.choice import PositionBias
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.interleaving import preferences, team_draft

    simulator = where.setting.held_out.simulator
    choice = PositionBias(slate=slate, scale=simulator.choice.scale, offset=simulator.choice.offset)
    traffic = replace(simulator, choice=choice)
    luck = Luck.draw(traffic, 1, where.cfg.evaluation.seed)
    users = traffic.arrive(luck.who, luck.arrival)
    rng = np.random.default_rng(where.cfg.evaluation.seed)
    drafted = team_draft(_ranking(first, luck, slate), _ranking(second, luck, slate), slate, rng)
    return preferences(drafted.teams, traffic.respond(users, drafted.items, luck.clicks[0]).click)


def _ranking(who: "Contestant", luck: "Luck", slate: int) -> "Ints":
    """The best items of each user who arrives, best first, [n, slate]."""
    from recloop.agents.baselines import Greedy
    from recloop.agents.ppo import WatchedPPO

    observation = who.task.read(who.task.arrive(who.task.simulator.arrive(luck.who, luck.arrival)))
    scores: NDArray[Any]  # [n, num_items]
    if isinstance(who.policy, Greedy):
        scores = who.policy.scores(observation)
    elif isinstance(who.policy, WatchedPPO):
        scores, _ = who.policy.probabilities(observation)
    else:
        raise UsageError(f"--interleave: {who.name} ranks nothing; name runs of PPO or greedy baselines")
    return np.argsort(-scores, axis=1, kind="stable")[:, :slate]


def sentences(verdict: Verdict) -> list[str]:
    """The difference with its interval, and the decision, in words."""
    (first, second), (stopped_at, watched), unit = verdict
    users = len(watched.difference)
    ours, low, high, p_value = (float(column[-1]) for column in watched)
    about = (
        f"{second} less {first}: {ours:+.2f} [{low:+.2f}, {high:+.2f}] {unit}, {users} users, always-valid "
        f"p {'below 0.0001' if p_value < 1e-4 else f'{p_value:.4f}'}"
    )
    if stopped_at is None:
        return [about, f"no decision at {LEVEL:.0%} after {users} users; more users, or policies further apart"]
    better, worse = (second, first) if watched.difference[stopped_at - 1] > 0 else (first, second)
    return [about, f"{better} is better than {worse}: clear after {stopped_at} of {users} users"]
