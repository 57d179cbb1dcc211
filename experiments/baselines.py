"""The rows that stand in every table: what needs no training."""

from typing import TYPE_CHECKING, Any

from recloop.experiments.build import Setting, item_space
from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, PLANNER, RANDOM
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
    from recloop.agents.baselines import Greedy, Popularity, Random
    from recloop.agents.planner import RolloutPlanner
    from recloop.envs.model import TrueModel

    true = observed.seeing_everything()
    seen, hidden = item_space(observed), item_space(true)
    bored, per_log_odds = evaluation.boredom_weight, 1 / observed.simulator.choice.scale
    myopic = sum(getattr(part, "weight", 0.0) for part in observed.simulator.dynamics)
    spare = Greedy(hidden, bored, per_log_odds)
    planner = RolloutPlanner(TrueModel(true), spare, evaluation.planner_candidates, evaluation.planner_horizon)
    return [
        (RANDOM[0], observed, Random(len(seen.vectors), evaluation.seed)),
        ("popularity", observed, Popularity(seen)),
        ("similarity-greedy", observed, Greedy(seen)),
        (HEURISTIC, observed, Greedy(seen, bored, per_log_odds)),
        (GREEDY_ORACLE[0], true, Greedy(hidden, myopic, per_log_odds)),
        (HEURISTIC, true, spare),
        (PLANNER[0], true, planner),
    ]
