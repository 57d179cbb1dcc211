"""The rows that stand in every table: what needs no training."""

from functools import partial
from typing import TYPE_CHECKING, Any

from recloop.experiments.build import Setting, item_space
from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, PLANNER, RANDOM, SPARING
from recloop.experiments.progress import Reporter, progress
from recloop.experiments.sessions import Played

if TYPE_CHECKING:
    from recloop.agents.policy import Policy
    from recloop.envs.task import Task
    from recloop.experiments.evaluate import Luck


def play_baselines(setting: Setting, luck: "Luck", evaluation: Any, reporter: Reporter) -> list[Played]:
    """Play every baseline under `luck`; `evaluation` is the config group of that name."""
    from recloop.experiments.evaluate import play

    rows = _rows(setting.held_out, evaluation)
    played = []
    with progress(reporter, "baselines", len(rows)) as bar:
        for name, task, policy in rows:
            sees = "-" if name in (RANDOM[0], "popularity") else task.observation.sees
            played.append(Played(name, sees, False, (play(task, policy, luck),)))
            bar.advance(1)
    return played


def _rows(observed: "Task", evaluation: Any) -> "list[tuple[str, Task, Policy]]":
    from recloop.agents.baselines import Greedy, Popularity, Random, Sparing
    from recloop.agents.planner import RolloutPlanner
    from recloop.envs.dynamics import Boredom
    from recloop.envs.model import TrueModel

    true = observed.seeing_everything()
    seen, hidden = item_space(observed), item_space(true)
    choice = observed.simulator.choice
    per_log_odds, bored = 1 / choice.scale, evaluation.boredom_weight
    myopic = sum(part.weight for part in observed.simulator.dynamics if isinstance(part, Boredom))
    spare = partial(
        Sparing,
        boredom_weight=evaluation.sparing_boredom_weight,
        quality_weight=per_log_odds,
        scale=choice.scale,
        offset=choice.offset,
        price=evaluation.sparing_price,
    )
    planner = RolloutPlanner(TrueModel(true), spare(hidden), evaluation.planner_candidates, evaluation.planner_horizon)
    return [
        (RANDOM[0], observed, Random(len(seen.vectors), evaluation.seed)),
        ("popularity", observed, Popularity(seen)),
        ("similarity-greedy", observed, Greedy(seen)),
        (HEURISTIC, observed, Greedy(seen, bored, per_log_odds)),
        (SPARING, observed, spare(seen)),
        (GREEDY_ORACLE[0], true, Greedy(hidden, myopic, per_log_odds)),
        (HEURISTIC, true, Greedy(hidden, bored, per_log_odds)),
        (SPARING, true, spare(hidden)),
        (PLANNER[0], true, planner),
    ]
