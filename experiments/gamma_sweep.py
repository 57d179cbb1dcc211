"""The gamma sweep: what the same agent reaches when its discount lets it look further and further ahead."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from recloop.experiments.groups import Group, differences
from recloop.experiments.sections import Section
from recloop.experiments.sessions import Key
from recloop.experiments.statistics import Estimate, estimate, interquartile_mean
from recloop.experiments.svg import drawing, policy_colours, to_svg

GAMMA = "agent.gamma"
FEWEST = 3
"""Discounts from which on they make a curve."""


class Sweep(NamedTuple):
    """Groups that differ in their discount only."""

    name: str  # what they share
    clicks: dict[float, Estimate]  # a session, by rising discount


def gamma_sweeps(section: Section) -> list[Sweep]:
    """The sweeps among the groups that have played, those of three discounts or more."""
    alike: list[list[tuple[Group, Key]]] = []
    for one, key in section.finished:
        if "gamma" not in one.identity["agent"]:
            continue
        found = next((sweep for sweep in alike if set(differences(sweep[0][0].identity, one.identity)) <= {GAMMA}), [])
        if not found:
            alike.append(found)
        found.append((one, key))
    return [_sweep(section, members) for members in alike if len(members) >= FEWEST]


def _sweep(section: Section, members: Sequence[tuple[Group, Key]]) -> Sweep:
    clicks = {
        float(one.identity["agent"]["gamma"]): estimate(interquartile_mean(section.seeds[key])) for one, key in members
    }
    return Sweep(_name(members[0][0]), dict(sorted(clicks.items())))


def _name(one: Group) -> str:
    """The label of a group without its discount, and without the number that stands for its keys."""
    keys = [f"{key}={value}" for key, value in one.keys.items() if key != GAMMA]
    return ", ".join([re.sub(rf", {re.escape(GAMMA)}=[^,]*| #\d+$", "", one.label), *keys])


def gamma_curves(sweeps: Sequence[Sweep], references: Mapping[Key, float]) -> str:
    """Clicks a session by discount, evenly spaced, with 95 % intervals, and the levels of `references` across.

    A curve that rises from gamma = 0 shows that looking ahead is what is learned; a level one, that it is not needed.
    """
    from matplotlib.figure import Figure

    gammas = sorted({gamma for sweep in sweeps for gamma in sweep.clicks})
    colours = policy_colours([*((sweep.name, "") for sweep in sweeps), *references])
    with drawing("gammas"):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.add_subplot()
        for sweep in sweeps:
            at = [gammas.index(gamma) for gamma in sweep.clicks]
            values, lows, highs = zip(*sweep.clicks.values(), strict=True)
            axes.plot(at, values, "o-", color=colours[sweep.name, ""], linewidth=2, label=sweep.name)
            axes.vlines(at, lows, highs, color=colours[sweep.name, ""], alpha=0.5)
        for key, level in references.items():
            axes.axhline(level, color=colours[key], linestyle=":", linewidth=1.2, label=" · ".join(key))
        axes.set_xticks(range(len(gammas)), [f"{gamma:g}" for gamma in gammas])
        axes.set_xlabel("discount (gamma)")
        axes.set_ylabel("clicks per session")
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside lower left", ncols=2, frameon=False)
        return to_svg(figure, "gammas", "Gamma sweep: clicks per session by discount")
