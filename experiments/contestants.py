"""Who plays, as the user names them: the agent of a stored run, or a baseline."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recloop.experiments.arguments import did_you_mean
from recloop.experiments.baselines import baselines, entrants
from recloop.experiments.build import instantiate
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.planning_gap import PLANNER, SPARING
from recloop.experiments.reevaluate import changed, policy_of, projection_of
from recloop.experiments.setting import Setting, build_setting
from recloop.experiments.stored import StoredRun, read_run
from recloop.experiments.transfer import own_distribution

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from recloop.agents.policy import Policy
    from recloop.agents.stochastic import Distribution
    from recloop.envs.task import Task

BASELINES = (
    "random", "popularity", "similarity-greedy", "boredom-aware-heuristic", "sparing-heuristic", "greedy-oracle",
    "rollout-planner",
)  # fmt: skip


class Contestant(NamedTuple):
    """A policy, and the held-out users as it sees them."""

    name: str
    task: "Task"
    policy: "Policy"


class Arena(NamedTuple):
    """Where they play, as a configuration and built."""

    cfg: "DictConfig"
    setting: Setting


def arena(word: str, overrides: Sequence[str]) -> Arena:
    """Where the run `word` has trained, with `overrides`; for a baseline, what `recloop train OVERRIDES` describes.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    from recloop.experiments.inputs import check

    if word in BASELINES:
        cfg = composed(overrides)
        check(cfg)
        return Arena(cfg, build_setting(cfg))
    run = _run(word)
    cfg = changed(run, overrides)
    return Arena(cfg, build_setting(cfg, projection_of(run)))


def contestant(word: str, where: Arena) -> Contestant:
    """The policy that `word` names, ready to play there.

    Raises:
        UsageError: there is no such run or baseline, or its agent reads items in another way.
    """
    if word in BASELINES:
        return _baseline(word, where)
    run = _run(word)
    if projection_of(run).fingerprint != where.setting.projection.fingerprint:
        raise UsageError(f"{word}: its agent reads items through another encoder or projection; train it on this one")
    agent = instantiate(run.config_here.agent, "agent")
    model = policy_of(run, where.cfg, agent, where.setting, None)
    return Contestant(f"{agent.name} seed {run.seed}", where.setting.held_out, model)


def _baseline(word: str, where: Arena) -> Contestant:
    """The heuristics on what is observed; the greedy oracle and the planner on true states."""
    task, evaluation = where.setting.held_out, where.cfg.evaluation
    known = baselines(task, evaluation)
    if word == PLANNER[0].replace(" ", "-"):
        policy = known.planner(SPARING, evaluation.planner_candidates, evaluation.planner_horizon)
        return Contestant(PLANNER[0], task.seeing_everything(), policy)
    rows = entrants(task, known)
    return next(Contestant(name, seen, policy) for name, _, seen, policy in rows if name.replace(" ", "-") == word)


def explorer(who: Contestant, epsilon: float | None, temperature: float | None) -> "Distribution":
    """`who` with chance in what it recommends: by `epsilon`, by `temperature`, or as it explores itself, else none.

    Raises:
        UsageError: both are given, a value is refused, or the policy has no scores to heat.
    """
    from recloop.agents.baselines import Greedy, Random
    from recloop.agents.stochastic import EpsilonGreedy, Softmax

    if epsilon is not None and temperature is not None:
        raise UsageError("--epsilon and --temperature: give one of them")
    try:
        if temperature is not None:
            if not isinstance(who.policy, Greedy):
                raise UsageError(f"--temperature: {who.name} has no scores; give --epsilon")
            return Softmax(who.policy, temperature)
        if epsilon is None and (own := own_distribution(who.policy)) is not None:
            return own
        if isinstance(who.policy, Random):
            epsilon = 1.0
        shown = who.task.layout.get("shown")
        return EpsilonGreedy(who.policy, who.task.simulator.world.num_items, epsilon or 0.0, shown)
    except ValueError as error:
        raise UsageError(f"--{error}") from error


def _run(word: str) -> StoredRun:
    if not Path(word).is_dir():
        raise UsageError(
            f"{word!r} is neither the folder of a run nor a baseline{did_you_mean(word, BASELINES)}; baselines are "
            f"{', '.join(BASELINES)}"
        )
    run = read_run(Path(word))
    if run.is_suite:
        raise UsageError(f"{word}: holds several agents; name one of the folders in {word}/cells")
    return run
