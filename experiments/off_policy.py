"""`recloop ope`: what other policies would have reached, estimated from a log and held against the truth."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.log import Recorded, chance_flags, luck_of
from recloop.experiments.ope import SWITCH, Evidence, Figures, evaluate

if TYPE_CHECKING:
    from rich.console import Console

    from recloop.agents.stochastic import Distribution
    from recloop.envs.task import Task
    from recloop.experiments.contestants import Arena, Contestant
    from recloop.experiments.logs import Log
    from recloop.experiments.value_model import Reading

_EXAMPLES = """\
examples:
  recloop ope logs/2026-11-22_22-24-30-67ebc9 random popularity similarity-greedy --epsilon 0.2
  recloop ope LOG RUN                     the agent of a run, with the chances that it has learned
  recloop ope LOG RUN --each-step         its recommendations one by one, in the states that the log met

A session's weight is the product of those of its steps: what is far from the logged policy, or long, is refused below
an effective sample size (ESS) of 100 or 1 %. The truth is played in the simulator that the log is from.
"""


class Truth(NamedTuple):
    """What a policy really reaches, and how exactly that is known."""

    value: float
    error: float  # standard error


def main(words: list[str]) -> None:
    """`recloop ope LOG WHO ...`.

    Raises:
        UsageError: naming key or file, value and remedy; or that every estimate is refused.
    """
    parser = Parser(
        "recloop ope",
        description="Estimate policies from the log of another one (IPS, SNIPS, DM, DR, Switch-DR), beside the truth.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("log", metavar="LOG", type=Path, help="a folder that `recloop log` has written")
    parser.add_argument("who", metavar="WHO", nargs="+", help="policies to estimate: folders of runs, or baselines")
    chance_flags(parser, "; 0 unless given, or unless WHO has chances of its own")
    parser.add_argument(
        "--each-step", action="store_true", help="the reward of one recommendation, in the states that the log met"
    )
    given = parser.parse_args(words)
    estimate_all(given.log, given.who, given.epsilon, given.temperature, each_step=given.each_step)


def estimate_all(
    folder: Path, words: list[str], epsilon: float | None, temperature: float | None, *, each_step: bool
) -> None:
    """Print the estimates of every policy that is named.

    Raises:
        UsageError: naming key or file, value and remedy; or that every estimate is refused.
    """
    from rich.console import Console

    from recloop.experiments.contestants import contestant, explorer
    from recloop.experiments.display import display
    from recloop.experiments.logs import load_log
    from recloop.experiments.progress import progress

    made, where = open_log(folder)
    with display() as reporter, progress(reporter, "sessions read", _sessions(made, where)) as bar:
        log = load_log(folder, bar)
    console, refused = Console(), []
    for word in words:
        who = contestant(word, where)
        target = explorer(who, epsilon, temperature)
        _refuse_other_sight(who, made, word)
        try:
            figures = estimates(log, target, who.task, each_step=each_step)
        except UsageError as thin:
            refused.append(thin)
            console.print(f"{who.name}: {thin}", soft_wrap=True, highlight=False, markup=False)
            continue
        truth = (true_each_step if each_step else true_value)(who.task, target, made, log)
        _print(console, who.name, figures, truth, "reward" if each_step else "return")
    if len(refused) == len(words):
        raise refused[0]


def open_log(folder: Path) -> "tuple[Recorded, Arena]":
    """How a log was made, and where.

    Raises:
        UsageError: naming the file, what is wrong with it and the remedy.
    """
    from omegaconf import DictConfig

    from recloop.encoders.projection import Projection
    from recloop.experiments.build import check_tree
    from recloop.experiments.contestants import Arena
    from recloop.experiments.inputs import check
    from recloop.experiments.setting import build_setting
    from recloop.experiments.stored import StoredRun
    from recloop.experiments.untrusted import read, read_json, regular_file

    made, config = read_json(folder, "log.json"), read_json(folder, "config.json")
    try:
        recorded = Recorded(**made)
        assert isinstance(config, dict)
        check_tree(config, "")
        cfg = StoredRun(folder, DictConfig({**config, "resume": False}), {}).config_here
        check(cfg)
    except (TypeError, AssertionError) as error:
        raise UsageError(f"{folder}: log.json or config.json is not recloop's; record the log again") from error
    projection = read(regular_file(folder, "projection.safetensors", 100_000_000), Projection.load)
    return recorded, Arena(cfg, build_setting(cfg, projection))


def _sessions(made: Recorded, where: "Arena") -> int:
    return made.sessions_per_user * len(where.setting.held_out.simulator.population.members)


def _refuse_other_sight(who: "Contestant", made: Recorded, word: str) -> None:
    sees = who.task.observation.sees
    if sees != made.sees:
        raise UsageError(f"{word} sees the {sees}, the log holds what is {made.sees}; it cannot say what {word} does")


def estimates(log: "Log", target: "Distribution", task: "Task", *, each_step: bool) -> Figures:
    """What the log says of the target policy: of its sessions, or of its decisions one by one.

    Raises:
        UsageError: too little.
    """
    from recloop.experiments.setting import item_space
    from recloop.experiments.value_model import read_log

    reading = read_log(log, target, item_space(task))
    rng = np.random.default_rng(0)
    if not each_step:
        return evaluate(sessions_evidence(log, reading), rng)
    sessions = np.broadcast_to(np.arange(len(log.users))[:, None], log.items.shape)[log.under_way]
    return evaluate(decisions_evidence(log, reading), rng, groups=sessions)


def sessions_evidence(log: "Log", reading: "Reading") -> Evidence:
    """Whole sessions; the model is of the return from each step on."""
    from recloop.experiments.value_model import fit

    on = log.under_way
    following = np.zeros_like(reading.expected)
    following[:, :-1] = reading.expected[:, 1:] * on[:, 1:, None]
    theta = fit(reading.taken[on], following[on], log.rewards[on].astype(float), log.items.shape[1])
    return Evidence(
        rewards=log.rewards.astype(float),
        ratios=np.divide(reading.chances, log.propensities, out=np.ones(on.shape), where=on),
        of_action=(reading.taken @ theta) * on,
        of_state=(reading.expected @ theta) * on,
    )


def decisions_evidence(log: "Log", reading: "Reading") -> Evidence:
    """Every decision a session of one step; the model is of the reward."""
    from recloop.experiments.value_model import fit

    on = log.under_way
    taken, rewards = reading.taken[on], log.rewards[on].astype(float)
    theta = fit(taken, np.zeros_like(taken), rewards, rounds=1)
    columns = rewards, reading.chances[on] / log.propensities[on], taken @ theta, reading.expected[on] @ theta
    return Evidence(*(column[:, None] for column in columns))


def true_value(task: "Task", target: "Distribution", made: Recorded, log: "Log") -> Truth:
    """The mean return of as many sessions that the target policy plays itself, with luck of their own."""
    from recloop.agents.stochastic import Sampled
    from recloop.experiments.evaluate import play

    luck = luck_of(made._replace(seed=made.seed + 1), task)
    returns = play(task, Sampled(target, made.seed + 1), luck).rewards.sum(axis=1, dtype=float)
    return Truth(float(returns.mean()), float(returns.std(ddof=1) / np.sqrt(len(returns))))


def true_each_step(task: "Task", target: "Distribution", made: Recorded, log: "Log") -> Truth:
    """The mean reward of the target policy's own recommendation at each step of the log, which is played again.

    Raises:
        UsageError: played again, the users answer otherwise than in the log.
    """
    from recloop.agents.stochastic import Sampled

    luck, policy = luck_of(made, task), Sampled(target, made.seed + 1)
    session, state, rewards = task.arrive(task.simulator.arrive(luck.who, luck.arrival)), None, []
    for step, noise in enumerate(luck.clicks[: log.items.shape[1]]):
        on = log.under_way[:, step]
        items, state = policy.predict(task.read(session), state, np.full(len(on), step == 0))
        rewards.append(np.where(on, task.step(session, items, noise)[1].reward, 0))
        session, outcome = task.step(session, np.maximum(log.items[:, step], 0), noise)
        if not np.array_equal(outcome.response.click[on], log.clicks[on, step]):
            raise UsageError(f"step {step} of the log does not come back; was it recorded by another version?")
    per_session, n = np.sum(rewards, axis=0, dtype=float), log.steps.sum()
    mean = float(per_session.sum() / n)
    return Truth(mean, float((per_session - mean * log.steps).std(ddof=1) * np.sqrt(len(log.steps)) / n))


def _print(console: "Console", name: str, figures: Figures, truth: Truth, unit: str) -> None:
    from rich.table import Table

    weights = figures.weights
    about = (
        f"{name}: true {unit} {truth.value:.3f} ± {1.96 * truth.error:.3f}; ESS {weights.effective:,.0f} of "
        f"{weights.sessions:,}, largest weight {weights.largest:.3g}, {weights.above:.1%} above {SWITCH:g}"
    )
    console.print(about, soft_wrap=True, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("estimator", no_wrap=True)
    for heading in (unit, "95% CI", "error", "error/true"):
        table.add_column(heading, justify="right", no_wrap=True)
    for estimator, one in figures.estimates.items():
        error = one.value - truth.value
        share = f"{error / truth.value:+.1%}" if truth.value else "–"
        table.add_row(estimator, f"{one.value:.3f}", f"[{one.low:.3f}, {one.high:.3f}]", f"{error:+.3f}", share)
    console.print(table)
