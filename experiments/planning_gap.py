"""Does the environment reward planning, and does an agent plan? Judged from the same resamples for all policies.

With J a policy's clicks a session on held-out users: J_myopic is the greedy oracle, which maximises the next reward and
knows the hidden state; J_planner the rollout planner on true states; J_best the highest J of any policy but the greedy
oracle, a lower bound of the optimum.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recloop.experiments.sessions import Key, Played
from recloop.experiments.statistics import Estimate, Resampled, estimate

RANDOM: Key = ("random", "-")
GREEDY_ORACLE: Key = ("greedy oracle", "true state")
PLANNER: Key = ("rollout planner", "true state")
CLAIRVOYANT: Key = ("clairvoyant bound", "luck, relaxed")
HEURISTIC = "boredom-aware heuristic"
SPARING = "sparing heuristic"

LABELS = {
    "BANDIT": "What is recommended does not change the user's next state, so no policy can gain by looking ahead.",
    "MYOPIC-SUFFICIENT": "The best policy known is less than 2 % above the greedy oracle (upper end of the interval): "
    "choosing the best next step is enough, and reinforcement learning can only tie.",
    "PLANNING": "The best policy known is more than 5 % above the greedy oracle (lower end of the interval): the "
    "oracle knows everything about the user and still loses by looking one step ahead only.",
    "UNDECIDED": "The uplift over the greedy oracle is too small or too uncertain to say whether planning pays.",
}


class Judgement(NamedTuple):
    """What the sessions say of the environment and of every policy; None where a figure is undefined."""

    label: str
    planning_gap: Estimate | None
    uplift: Estimate | None
    best: Key | None
    credits: dict[Key, Estimate | None]
    information_gaps: dict[str, Estimate]
    leads: dict[Key, dict[str, Estimate]]
    action_influence: float | None = None
    closed: Mapping[str, Mapping[Key, Estimate]] | None = None  # by the policy whose information gap it is


def judge(resampled: Mapping[Key, Resampled], action_influence: float | None = None) -> Judgement:
    """Every figure from the resamples of `statistics.bootstrap`.

    `action_influence` is what the function of that name measures; exactly 0 certifies a bandit. Without random and the
    greedy oracle among the policies gap and uplift are not measured (None), without the rollout planner no credit is.
    """
    best = _best(resampled)
    gain = uplift(resampled, best)
    return Judgement(
        label=_label(gain, action_influence),
        planning_gap=planning_gap(resampled, best),
        uplift=gain,
        best=best,
        credits={key: planning_credit(resampled, key) for key in resampled},
        information_gaps=_information_gaps(resampled),
        leads=_leads(resampled),
        action_influence=action_influence,
        closed=_closed(resampled),
    )


def facts(judgement: Judgement) -> dict[str, Any]:
    """What gap.json of a run folder says of the environment."""
    figures = {"planning_gap": judgement.planning_gap, "uplift": judgement.uplift}
    return {
        "label": judgement.label,
        **{name: figure and figure._asdict() for name, figure in figures.items()},
        "action_influence": judgement.action_influence,
    }


class Bracketed(NamedTuple):
    """A judgement by returns, and what `recloop gap` measures beyond it."""

    judgement: Judgement
    values: dict[Key, Estimate]  # return a session of every policy, of each length of lookahead, and the upper bound
    most_planning_gap: Estimate | None  # if the best value were the upper bound
    most_uplift: Estimate | None
    relaxed: str  # what the upper bound leaves out
    lengths: tuple[int, ...]  # of lookahead that were played, rising
    effective_horizon: int | None  # None: longer than the longest


def lookahead_key(steps: int) -> Key:
    """The row of k-step lookahead."""
    return f"lookahead of {steps}", "true state"


def bracketed_facts(measured: Bracketed) -> dict[str, Any]:
    """What gap.json says after `recloop gap`."""
    more = {"planning_gap_at_most": measured.most_planning_gap, "uplift_at_most": measured.most_uplift}
    return {
        **facts(measured.judgement),
        **{name: figure and figure._asdict() for name, figure in more.items()},
        "effective_horizon": measured.effective_horizon,
        "longest_lookahead": max(measured.lengths),
        "best_policy": measured.judgement.best,
        "upper_bound": measured.relaxed,
        "returns": [
            {"policy": policy, "sees": sees, **value._asdict()} for (policy, sees), value in measured.values.items()
        ],
    }


def planning_credit(resampled: Mapping[Key, Resampled], key: Key) -> Estimate | None:
    """PC = (J_policy - J_myopic) / (J_planner - J_myopic): 1 is the rollout planner, 0 the greedy oracle.

    Above 1 when a policy beats the planner. Undefined when the planner's lead over the greedy oracle is not above 0
    (lower end of its interval). A resample in which the planner does not lead counts as a huge credit of the
    numerator's sign, which can only widen the interval.
    """
    if GREEDY_ORACLE not in resampled or PLANNER not in resampled:
        return None
    lead = resampled[PLANNER] - resampled[GREEDY_ORACLE]
    if not estimate(lead).low > 0:
        return None
    return estimate(_ratio(resampled[key] - resampled[GREEDY_ORACLE], lead))


def _best(resampled: Mapping[Key, Resampled]) -> Key | None:
    others = [key for key in resampled if key not in (RANDOM, GREEDY_ORACLE)]
    return max(others, key=lambda key: float(resampled[key][0]), default=None)


def uplift(resampled: Mapping[Key, Resampled], best: Key | None) -> Estimate | None:
    """U = (J_best - J_myopic) / |J_myopic|; None without either."""
    if best is None or GREEDY_ORACLE not in resampled:
        return None
    myopic = resampled[GREEDY_ORACLE]
    return estimate(_ratio(resampled[best] - myopic, np.abs(myopic)))


def planning_gap(resampled: Mapping[Key, Resampled], best: Key | None) -> Estimate | None:
    """PG = 1 - clip((J_myopic - J_random) / (J_best - J_random), 0, 1); None without one of them."""
    if best is None or GREEDY_ORACLE not in resampled or RANDOM not in resampled:
        return None
    reached = resampled[GREEDY_ORACLE] - resampled[RANDOM]
    attainable = np.maximum(resampled[best], resampled[GREEDY_ORACLE]) - resampled[RANDOM]
    share = np.where(attainable > 0, _ratio(reached, attainable), 1)  # nothing to gain over random: nothing is missed
    return estimate(1 - np.clip(share, 0, 1))


def _ratio(numerator: Resampled, denominator: Resampled) -> Resampled:
    return numerator / np.maximum(denominator, 1e-9)


def _label(uplift: Estimate | None, action_influence: float | None) -> str:
    if action_influence == 0:
        return "BANDIT"
    if uplift is not None and uplift.low > 0.05:
        return "PLANNING"
    if uplift is not None and uplift.high < 0.02:
        return "MYOPIC-SUFFICIENT"
    return "UNDECIDED"


def _information_gaps(resampled: Mapping[Key, Resampled]) -> dict[str, Estimate]:
    both = [policy for policy, sees in resampled if sees == "observed" and (policy, "true state") in resampled]
    return {policy: estimate(resampled[policy, "true state"] - resampled[policy, "observed"]) for policy in both}


def _closed(resampled: Mapping[Key, Resampled]) -> dict[str, dict[Key, Estimate]]:
    """How much of the information gap of each policy every other that sees what is observed closes.

        share = (J - J_observed) / (J_true - J_observed)

    0 is the policy on observed states, 1 the same on true states; above it, or below 0, others decide better, or worse.
    Left out is a gap whose interval is not above 0.
    """
    closed = {}
    for name, gap in _information_gaps(resampled).items():
        if gap.low > 0:
            low, high = resampled[name, "observed"], resampled[name, "true state"]
            others = [key for key in resampled if key[1] == "observed" and key[0] != name]
            closed[name] = {key: estimate(_ratio(resampled[key] - low, high - low)) for key in others}
    return closed


def _leads(resampled: Mapping[Key, Resampled]) -> dict[Key, dict[str, Estimate]]:
    """Each policy's J less that of each heuristic that sees the same."""
    return {
        (policy, sees): {
            heuristic: estimate(resampled[policy, sees] - resampled[heuristic, sees])
            for heuristic in (HEURISTIC, SPARING)
            if policy != heuristic and (heuristic, sees) in resampled
        }
        for policy, sees in resampled
    }


def verdicts(judgement: Judgement, played: Sequence[Played]) -> tuple[str, ...]:
    """One sentence a trained agent. It speaks of a win only in a PLANNING environment, from a credit above 0."""
    return tuple(_verdict(judgement, one) for one in played if one.trained)


def _verdict(judgement: Judgement, played: Played) -> str:
    name, credit = f"{played.policy} ({played.sees})", judgement.credits[played.key]
    if judgement.label != "PLANNING":
        return f"{name}: no claim, for the environment is {judgement.label}."
    if credit is None:
        return f"{name}: no claim, for planning credit is undefined without a rollout planner above the greedy oracle."
    figures = f"planning credit {interval(credit, 'z.2f')}"
    beside = "".join(_beside(heuristic, lead) for heuristic, lead in judgement.leads[played.key].items())
    return f"{name} {_finding(credit, len(played.sessions))}: {figures}{beside}."


def _finding(credit: Estimate, seeds: int) -> str:
    if not credit.low > 0:
        return "is not shown to plan"
    if stamp_seeds(seeds):
        return f"is above the greedy oracle so far ({_count(seeds)}; a claim takes 10)"
    return "beats the greedy oracle by planning"


def _beside(heuristic: str, lead: Estimate) -> str:
    relation = "above" if lead.low > 0 else "below" if lead.high < 0 else "level with"
    return f"; {relation} the {heuristic} that sees the same, {interval(lead, '+z.1f')} clicks a session"


def stamp_seeds(seeds: int) -> str:
    """What so many training seeds are good for; empty from 10 seeds on, which carry a claim."""
    if seeds < 5:
        return f"EXPLORATORY: {_count(seeds)}, a smoke test; screening takes 5, a claim 10."
    if seeds < 10:
        return f"SCREENING: {_count(seeds)}; a claim takes 10."
    return ""


def _count(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def interval(figure: Estimate, spec: str) -> str:
    """`20.5 [20.1, 20.9]`, every number by the format `spec`; the number alone where the interval is a point."""
    if figure.low == figure.value == figure.high:
        return f"{figure.value:{spec}}"
    return f"{figure.value:{spec}} [{figure.low:{spec}}, {figure.high:{spec}}]"
