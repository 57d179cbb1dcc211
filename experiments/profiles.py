"""The performance profile: with what share of users each policy reaches more than so many clicks."""

from collections.abc import Mapping

import numpy as np

from recloop.experiments.sessions import Key
from recloop.experiments.statistics import Scores, performance_profile
from recloop.experiments.svg import drawing, policy_colours, to_svg


def profiles(scores: Mapping[Key, Scores], rng: np.random.Generator) -> str:
    """Share of users, over all seeds, with whom a policy reaches more than the clicks on the horizontal axis.

    The band is the 95 % interval over seeds (none for a single seed). A curve above another everywhere is better for
    every kind of user; where two cross, one policy is better for users who are hard to please.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    whole = {key: matrix[~np.isnan(matrix).any(axis=1)] for key, matrix in scores.items()}
    levels = np.linspace(0, max(float(matrix.max()) for matrix in whole.values()), 81)
    colours = policy_colours(list(whole))
    with drawing("profiles"):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        axes = figure.add_subplot()
        for key, matrix in whole.items():
            share, low, high = performance_profile(matrix, levels, rng)
            axes.plot(levels, share, "--" if key[1] == "true state" else "-", color=colours[key], label=key[0])
            if len(matrix) > 1:
                axes.fill_between(levels, low, high, color=colours[key], alpha=0.2, linewidth=0)
        axes.set_xlabel("clicks per session")
        axes.set_ylabel("share of users with more")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_ylim(0, 1.02)
        axes.margins(x=0)
        figure.legend(loc="outside lower left", ncols=2, frameon=False)
        return to_svg(figure, "profiles", "Performance profiles: share of users with more than so many clicks")
