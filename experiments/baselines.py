"""The rows that stand in every table: what needs no training."""

from typing import TYPE_CHECKING, Any, NamedTuple

from recloop.experiments.planning_gap import GREEDY_ORACLE, HEURISTIC, PLANNER, RANDOM, SPARING
from recloop.experiments.progress import Reporter, progress
from recloop.experiments.sessions import Key, Played
from recloop.experiments.setting import Setting, item_space

if TYPE_CHECKING:
    from recloop.agents.baselines import Greedy
    from recloop.agents.planner import Model, RolloutPlanner, Scorer
    from recloop.agents.policy import Policy
    from recloop.envs.task import Task
    from recloop.experiments.evaluate import Luck


class Baselines(NamedTuple):
    """The policies that need no training, by name; the heuristics once for each view of the user."""

    num_items: int
    closed: int  # the most items that may not be shown again
    random: "Policy"
    popularity: "Policy"
    similar: "Policy"
    observed: "dict[str, Policy]"  # the heuristics on what is observed
    oracle: "Scorer"
    true: "dict[str, Scorer]"  # the heuristics on true states
    model: "Model"

    def planner(self, base: str, candidates: int, horizon: int) -> "RolloutPlanner":
        """A rollout planner over the heuristic `base` on true states.

        Where the heuristics know nothing of what is rewarded, it tries the greedy oracle's candidates too.
        """
        from recloop.agents.myopic import Myopic
        from recloop.agents.planner import RolloutPlanner

        also = [self.oracle] if isinstance(self.oracle, Myopic) else []
        return RolloutPlanner(self.model, self.true[base], self.num_items, candidates, horizon, also, self.closed)


def play_baselines(setting: Setting, luck: "Luck", evaluation: Any, reporter: Reporter) -> list[Played]:
    """Play every baseline under `luck`; `evaluation` is the config group of that name.

    The planner plays on with whichever heuristic on true states had the highest return.
    """
    from recloop.experiments.evaluate import play
    from recloop.experiments.metrics import session_return

    known, true = baselines(setting.held_out, evaluation), setting.held_out.seeing_everything()
    rows = entrants(setting.held_out, known)
    played: dict[Key, Played] = {}
    with progress(reporter, "baselines", len(rows) + 1) as bar:
        for name, sees, where, policy in rows:
            played[name, sees] = Played(name, sees, False, (play(where, policy, luck),))
            bar.advance(1)
        base = max(known.true, key=lambda name: session_return(played[name, true.observation.sees].sessions[0]))
        policy = known.planner(base, evaluation.planner_candidates, evaluation.planner_horizon)
        played[PLANNER] = Played(*PLANNER, False, (play(true, policy, luck),))
        bar.advance(1)
    return list(played.values())


def entrants(task: "Task", known: Baselines) -> "list[tuple[str, str, Task, Policy]]":
    """Name, what is seen, task and policy of each baseline but the planner; those that see the true state come last.

    All of them say items, whatever the agents of `task` say.
    """
    task, true = task.recommending_items(), task.seeing_everything()
    return [
        (*RANDOM, task, known.random),
        ("popularity", "-", task, known.popularity),
        ("similarity-greedy", task.observation.sees, task, known.similar),
        *((name, task.observation.sees, task, policy) for name, policy in known.observed.items()),
        (*GREEDY_ORACLE, true, known.oracle),
        *((name, true.observation.sees, true, policy) for name, policy in known.true.items()),
    ]


def baselines(observed: "Task", evaluation: Any) -> Baselines:
    """What can be played in the world of `observed`, a task with any parts.

    Boredom has its price in the heuristics only where the world knows boredom.
    """
    from recloop.agents.baselines import Greedy, Popularity, Random
    from recloop.envs.model import TrueModel

    observed, true, shape = observed.recommending_items(), observed.seeing_everything(), _shape(observed)
    seen, hidden = item_space(observed), item_space(true)
    return Baselines(
        num_items=len(seen.vectors),
        closed=observed.actions.shown,
        random=Random(len(seen.vectors), evaluation.seed, **shape, shown=seen.layout.get("shown")),
        popularity=Popularity(seen, **shape),
        similar=_looking(observed, Greedy(seen, **shape)),
        observed=dict(_heuristics(observed, evaluation, seen)),
        oracle=greedy_oracle(observed, evaluation.seed),
        true=dict(_heuristics(true, evaluation, hidden)),
        model=TrueModel(true),
    )


def _looking(task: "Task", heuristic: "Greedy") -> "Scorer":
    """The heuristic, which scores every item; where an index looks them up, only those near each user."""
    from recloop.agents.nearby import Nearby
    from recloop.envs.index import Exact

    return heuristic if isinstance(task.observation.items.index, Exact) else Nearby(heuristic)


def _heuristics(task: "Task", evaluation: Any, items: Any) -> "dict[str, Scorer]":
    from recloop.agents.baselines import Greedy, Sparing

    choice, shape = task.simulator.choice, _shape(task)
    bores = _boredom_weight(task) > 0
    bored, spared = (weight * bores for weight in (evaluation.boredom_weight, evaluation.sparing_boredom_weight))
    return {
        HEURISTIC: _looking(task, Greedy(items, bored, 1 / choice.scale, **shape)),
        SPARING: _looking(
            task,
            Sparing(items, spared, 1 / choice.scale, choice.scale, choice.offset, evaluation.sparing_price, **shape),
        ),
    }


def _shape(task: "Task") -> dict[str, Any]:
    """What a recommendation of `task` consists of."""
    return {"slate": task.simulator.choice.slate, "slots": task.slots}


def greedy_oracle(task: "Task", seed: int) -> "Scorer":
    """Who maximises the expected reward of this step on true states.

    By the formula where the world has one: clicks, boredom and drift, and a reward of enjoyment or clicks. Otherwise by
    trying every item on the world itself. Of a catalog that an index looks up, it is the formula among the items near
    each user, whatever the world, for nobody can try them all.
    """
    from recloop.agents.baselines import Greedy
    from recloop.agents.myopic import Myopic
    from recloop.envs.index import Exact
    from recloop.envs.model import TrueModel

    true = task.seeing_everything()
    by_formula = Greedy(item_space(true), _boredom_weight(task), 1 / task.simulator.choice.scale, **_shape(task))
    if _has_formula(task) or not isinstance(true.observation.items.index, Exact):
        return _looking(true, by_formula)
    shown = true.layout.get("shown")
    return Myopic(TrueModel(true), task.simulator.world.num_items, seed, **_shape(task), shown=shown)


def _has_formula(task: "Task") -> bool:
    from recloop.envs.choice import Click
    from recloop.envs.dynamics import Boredom, Drift

    parts, weights = task.simulator.dynamics, task.reward.weights
    return (
        type(task.simulator.choice) is Click
        and {type(part) for part in parts} <= {Boredom, Drift}
        and sum(type(part) is Boredom for part in parts) <= 1
        and weights.keys() <= {"enjoyment", "click"}
        and min(weights.values()) > 0
    )


def _boredom_weight(task: "Task") -> float:
    from recloop.envs.dynamics import Boredom

    return sum(part.weight for part in task.simulator.dynamics if isinstance(part, Boredom))
