"""What looking ahead is worth in a large environment: the value of each length, the best value between two bounds."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from omegaconf import DictConfig

from recloop.experiments import metrics
from recloop.experiments.planning_gap import (
    CLAIRVOYANT,
    GREEDY_ORACLE,
    Bracketed,
    judge,
    lookahead_key,
    planning_gap,
    uplift,
)
from recloop.experiments.progress import Reporter, progress
from recloop.experiments.sessions import Key, Played
from recloop.experiments.statistics import Scores, bootstrap, estimate

if TYPE_CHECKING:
    from recloop.experiments.evaluate import Luck
    from recloop.experiments.setting import Setting

LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34)
"""Lengths played, as far as `evaluation.planner_horizon` + 1; then those between which the effective horizon lies."""

NEAR = 0.01
"""How near to the best value is near enough."""


def bracket(cfg: DictConfig, setting: "Setting", agents: Sequence[Played], reporter: Reporter) -> Bracketed:
    """Play baselines and lookahead, bound the best value from above, judge; `agents` have played under that luck."""
    from recloop.experiments.action_influence import action_influence
    from recloop.experiments.baselines import play_baselines
    from recloop.experiments.clairvoyant import clairvoyant_bound
    from recloop.experiments.run import final_luck

    luck = final_luck(cfg, setting)
    played = [*play_baselines(setting, luck, cfg.evaluation, reporter), *agents]
    scores = {one.key: np.stack([metrics.returns_per_user(seed) for seed in one.sessions]) for one in played}
    lengths = _play_lengths(setting, luck, cfg.evaluation, scores, reporter)
    scores |= {lookahead_key(steps): values for steps, values in sorted(lengths.items())}
    most, relaxed = clairvoyant_bound(setting.held_out, luck)
    scores[CLAIRVOYANT] = metrics.mean_by_user(luck.who, most)[None]
    resampled = bootstrap(scores, np.random.default_rng(0))
    judgement = judge(
        {key: drawn for key, drawn in resampled.items() if key != CLAIRVOYANT}, action_influence(setting.held_out)
    )
    return Bracketed(
        judgement=judgement,
        values={key: estimate(drawn) for key, drawn in resampled.items()},
        most_planning_gap=planning_gap(resampled, CLAIRVOYANT),
        most_uplift=uplift(resampled, CLAIRVOYANT),
        relaxed=relaxed,
        lengths=tuple(sorted(lengths)),
        effective_horizon=effective_horizon({steps: _mean(values) for steps, values in lengths.items()}, _best(scores)),
    )


def _play_lengths(
    setting: "Setting", luck: "Luck", evaluation: DictConfig, scores: dict[Key, Scores], reporter: Reporter
) -> dict[int, Scores]:
    """Returns of k-step lookahead, [1, users], by k.

    With one step it is the greedy oracle. With more it is the rollout planner, which tries its candidates, plays on
    with the best heuristic on true states until k steps are over, and counts nothing after them.
    """
    from recloop.experiments.baselines import baselines
    from recloop.experiments.evaluate import play

    true, known = setting.held_out.seeing_everything(), baselines(setting.held_out, evaluation)
    base = max(known.true, key=lambda name: _mean(scores[name, true.observation.sees]))
    longest = min(evaluation.planner_horizon + 1, true.simulator.sessions.max_steps)
    lengths = sorted({*(steps for steps in LENGTHS if steps < longest), longest})
    played = {1: scores[GREEDY_ORACLE]}

    def value(steps: int) -> float:
        if steps not in played:
            policy = known.planner(base, evaluation.planner_candidates, steps - 1)
            played[steps] = metrics.returns_per_user(play(true, policy, luck))[None]
        return _mean(played[steps])

    with progress(reporter, "lookahead", sum(lengths)) as bar:
        for steps in lengths:
            bar.advance(steps, steps_ahead=steps, return_per_session=value(steps))
        best = max(_best(scores), *(_mean(values) for values in played.values()))
        _bisect(value, lengths, {steps: _mean(values) for steps, values in played.items()}, best)
    return played


def _bisect(value: Callable[[int], float], lengths: Sequence[int], known: dict[int, float], best: float) -> None:
    """Ask for the `value` of the lengths between the last that falls short and the first that does not."""
    enough = [steps for steps in lengths if _is_near(known[steps], best)]
    if not enough:
        return
    high, low = enough[0], max([steps for steps in lengths if steps < enough[0]], default=enough[0])
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_near(value(middle), best) else (middle, high)


def effective_horizon(values: dict[int, float], best: float) -> int | None:
    """k_eff: the least length of lookahead whose value is within 1 % of the best of all; None where none is."""
    most = max(best, *values.values())
    return min((steps for steps, value in values.items() if _is_near(value, most)), default=None)


def _is_near(value: float, best: float) -> bool:
    return value >= best - NEAR * abs(best)


def _best(scores: dict[Key, Scores]) -> float:
    return max(_mean(values) for key, values in scores.items() if key != CLAIRVOYANT)


def _mean(values: Scores) -> float:
    return float(values.mean())
