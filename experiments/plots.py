"""The pictures of a report, each an SVG string made by `svg.to_svg`."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.metrics import reward_by_step
from recloop.experiments.planning_gap import CLAIRVOYANT, GREEDY_ORACLE, RANDOM, Bracketed, lookahead_key
from recloop.experiments.sessions import Curve, Key, Played
from recloop.experiments.statistics import band
from recloop.experiments.svg import INK, MUTED, PALETTE, drawing, policy_colours, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from recloop.envs.fidelity import Curve as Calibration

_DASHES = {"true state": "--", "observed": "-"}


def learning_curves(played: Sequence[Played], references: Mapping[Key, float], rng: np.random.Generator) -> str:
    """Clicks a session on held-out users while agents train, with the level of `references` across.

    The line is the interquartile mean over seeds, the band its 95 % interval over seeds (none for a single seed).
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    trained = [one for one in played if one.curves]
    colours = policy_colours([*(one.key for one in trained), *references])
    with drawing("learning"):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.add_subplot()
        ends = {_name(one.key): (_draw_curves(axes, one, colours[one.key], rng), colours[one.key]) for one in trained}
        for key, level in references.items():
            axes.axhline(level, color=colours[key], linestyle=":", linewidth=1.2)
            ends[_name(key)] = level, colours[key]
        axes.set_xlabel("environment steps")
        axes.set_ylabel("clicks per session (held-out users)")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        _label_ends(axes, ends)
        return to_svg(figure, "learning", "Learning curves: clicks per session against environment steps")


def _draw_curves(axes: "Axes", played: Played, colour: str, rng: np.random.Generator) -> float:
    steps, clicks = _aligned(played.curves)
    middle, low, high = band(clicks, rng)
    axes.plot(steps, middle, color=colour, linestyle=_DASHES.get(played.sees, "-"), linewidth=2)
    if len(clicks) > 1:
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    return float(middle[-1])


def _aligned(curves: Sequence[Curve]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The steps at which every seed was evaluated, [k], and what each reached there, [seeds, k]."""
    steps = reduce(np.intersect1d, [curve.steps for curve in curves])
    rows = [curve.clicks_per_session[np.isin(curve.steps, steps)] for curve in curves]
    return steps, np.array(rows, np.float64)


def value_by_lookahead(measured: Bracketed) -> str:
    """Return against the steps looked ahead, with the level of random, of the greedy oracle and of the two bounds."""
    from matplotlib.figure import Figure

    best = measured.judgement.best
    levels = {key: measured.values[key] for key in (RANDOM, GREEDY_ORACLE, best, CLAIRVOYANT) if key in measured.values}
    points = [measured.values[lookahead_key(steps)] for steps in measured.lengths]
    colours = policy_colours(list(levels))
    with drawing("lookahead"):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(measured.lengths, [point.value for point in points], "o-", color=INK, linewidth=2)
        axes.fill_between(
            measured.lengths, [point.low for point in points], [point.high for point in points], color=INK, alpha=0.2
        )
        for key, level in levels.items():
            axes.axhline(level.value, color=colours[key], linestyle=":", linewidth=1.2)
        axes.set_xlabel("steps looked ahead")
        axes.set_ylabel("return per session (held-out users)")
        axes.set_xticks(measured.lengths)
        _label_ends(axes, {_name(key): (level.value, colours[key]) for key, level in levels.items()})
        return to_svg(figure, "lookahead", "Return per session against the steps looked ahead")


def reward_along_session(played: Sequence[Played]) -> str:
    """Mean reward at each step of the session, one line a policy: what is given up early and gained late."""
    from matplotlib.figure import Figure

    colours = policy_colours([one.key for one in played])
    with drawing("rewards"):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        axes = figure.add_subplot()
        ends = {}
        for one in played:
            rewards = np.mean([reward_by_step(sessions) for sessions in one.sessions], axis=0)  # [steps]
            style, width = _DASHES.get(one.sees, "-"), 2.4 if one.trained else 1.3
            axes.plot(np.arange(1, len(rewards) + 1), rewards, style, color=colours[one.key], linewidth=width)
            ends[_name(one.key)] = float(rewards[-1]), colours[one.key]
        axes.set_xlabel("step of the session")
        axes.set_ylabel("mean reward at this step")
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
        axes.margins(x=0)
        _label_ends(axes, ends)
        return to_svg(figure, "rewards", "Mean reward by step of the session")


MOST_DOTS = 20_000
"""Items of a catalog that is drawn as a whole."""


def taste_map(played: Sequence[Played], vectors: NDArray[np.floating], groups: Sequence[str]) -> str:
    """Where each policy recommends, on the plane of the catalog's two principal components.

    `vectors` [num_items, dim]; `groups` [num_items] colours the first panel, the six largest ones by name. A dot's area
    is the item's share of the policy's recommendations, on one scale for all panels. Of a large catalog what was
    recommended is drawn, and of the rest a part.
    """
    from matplotlib.figure import Figure

    if len(vectors) > MOST_DOTS:
        played, drawn = _thinned(played, len(vectors))
        vectors, groups = vectors[drawn], [groups[row] for row in drawn]
    plane = _principal_plane(vectors)  # [num_items, 2]
    colours = policy_colours([one.key for one in played])
    columns = 4
    rows = -(-(1 + len(played)) // columns)
    with drawing("taste"):
        figure = Figure(figsize=(11, 2.8 * rows + 0.4), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
            axes.set_aspect("equal")
            axes.set(xlim=_limits(plane[:, 0]), ylim=_limits(plane[:, 1]))
        _draw_groups(panels[0], plane, groups)
        for axes, one in zip(panels[1:], played, strict=False):
            _draw_recommended(axes, plane, one, colours[one.key])
        named = panels[0].get_legend_handles_labels()
        figure.legend(*named, loc="outside lower center", ncols=7, frameon=False, handletextpad=0)
        return to_svg(figure, "taste", "Taste map: the catalog, and where each policy recommends")


def _thinned(played: Sequence[Played], num_items: int) -> tuple[list[Played], NDArray[np.int64]]:
    """The same sessions with the items numbered among `rows` of the catalog, which are all that is drawn."""
    items = [sessions.items for one in played for sessions in one.sessions]
    recommended = np.unique(np.concatenate([every[every >= 0] for every in items]))
    rows = np.union1d(np.arange(0, num_items, -(-4 * num_items // MOST_DOTS)), recommended)
    renumbered = [
        one._replace(
            sessions=tuple(
                sessions._replace(
                    items=np.where(sessions.items >= 0, np.searchsorted(rows, sessions.items), -1).astype(np.int32)
                )
                for sessions in one.sessions
            )
        )
        for one in played
    ]
    return renumbered, rows


def _principal_plane(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = np.asarray(vectors - vectors.mean(axis=0), np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]  # [2, dim]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])  # the sign of a component is arbitrary: fix it
    return np.asarray(centred @ (axes * signs[:, None]).T)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    margin = 0.04 * float(np.ptp(values))
    return float(values.min()) - margin, float(values.max()) + margin


def _draw_groups(axes: "Axes", plane: NDArray[np.float64], groups: Sequence[str]) -> None:
    names, counts = np.unique(np.asarray(groups), return_counts=True)
    largest = names[np.argsort(-counts, kind="stable")][:6]
    of_item = np.asarray(groups)
    axes.set_title("catalog by group")
    _dots(axes, plane[~np.isin(of_item, largest)], MUTED, 2.2, 0.35, "other")
    for name, colour in zip(largest, PALETTE, strict=False):
        _dots(axes, plane[of_item == name], colour, 2.6, 0.7, str(name))


def _draw_recommended(axes: "Axes", plane: NDArray[np.float64], played: Played, colour: str) -> None:
    every = np.concatenate([sessions.items[sessions.items >= 0] for sessions in played.sessions])
    shares = np.bincount(every, minlength=len(plane)) / max(len(every), 1)  # [num_items]
    axes.set_title(_name(played.key), fontweight="bold" if played.trained else "normal")
    _dots(axes, plane[:: max(1, len(plane) // 1500)], MUTED, 1.2, 0.3)
    diameters = np.round(60 * np.sqrt(shares)).clip(1)  # points; whole ones, so that equal dots share a path
    for diameter in np.unique(diameters[shares > 0]):
        _dots(axes, plane[(shares > 0) & (diameters == diameter)], colour, float(diameter), 0.65)


def _dots(axes: "Axes", at: NDArray[np.float64], colour: str, diameter: float, alpha: float, label: str = "") -> None:
    """Dots as the round caps of lines without length: one path for all of them, a tenth of a scatter's bytes."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if len(at) == 0:
        return
    codes = np.tile([Path.MOVETO, Path.LINETO], len(at))
    path = Path(np.repeat(at, 2, axis=0), codes)
    dots = PathPatch(path, fill=False, color=colour, linewidth=diameter, capstyle="round", alpha=alpha)
    axes.add_artist(dots)  # not add_patch, which measures every dot for limits that are already set
    if label:
        axes.plot([], [], "o", color=colour, label=label)


def _name(key: Key) -> str:
    policy, sees = key
    return policy if sees == "-" else f"{policy} ({sees})"


def _label_ends(axes: "Axes", ends: Mapping[str, tuple[float, str]]) -> None:
    """Name the lines at their right ends, pushed apart where they would overlap."""
    names = sorted(ends, key=lambda name: ends[name][0])
    bottom, top = axes.get_ylim()
    heights = np.array([(ends[name][0] - bottom) / (top - bottom) for name in names])  # fractions of the axes
    for name, height, place in zip(names, heights, spread(heights, 0.048), strict=True):
        axes.plot([1, 1.03], [height, place], transform=axes.transAxes, color=ends[name][1], clip_on=False)
        axes.annotate(name, (1.035, place), xycoords="axes fraction", va="center", color=INK, fontsize=9)


def spread(values: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """The nearest values (least squares) that rise by at least `gap`, for `values` that rise."""
    from scipy.optimize import isotonic_regression

    steps = gap * np.arange(len(values))
    return np.asarray(isotonic_regression(values - steps).x + steps)


def calibration_curves(curves: Mapping[str, "Calibration"]) -> str:
    """Share of likes against the chance that was predicted, a line for each score; the diagonal is right."""
    from matplotlib.figure import Figure

    with drawing("calibration"):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.2)
        for at, (name, curve) in enumerate(curves.items()):
            style = "-" if at < len(PALETTE) else "--"
            colour = PALETTE[at % len(PALETTE)]
            axes.plot(curve.predicted, curve.observed, style, marker=".", color=colour, linewidth=1.3, label=name)
        axes.set_xlabel("predicted chance of a like")
        axes.set_ylabel("share of likes among the ratings")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_aspect("equal")
        figure.legend(loc="outside right center", frameon=False)
        return to_svg(figure, "calibration", "Calibration: share of likes against predicted chance")
