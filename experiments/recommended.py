"""What was recommended, beside what it earned: the figures that stand in a table of their own."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.experiments import metrics
from recloop.experiments.sessions import Sessions


class Figure(NamedTuple):
    """A figure of the table."""

    name: str  # of its column in the summary
    heading: str
    spec: str  # the format of its value
    what: Callable[..., float]  # defines it


FIGURES = (
    Figure("session_length", "length", ".1f", metrics.session_length),
    Figure("distinct_items", "distinct", ".1f", metrics.distinct_items),
    Figure("repeats", "repeats", ".0%", metrics.repeats),
    Figure("diversity", "diversity", "z.2f", metrics.diversity),
    Figure("narrowing", "narrows", "z.2f", metrics.narrowing),
    Figure("coverage", "coverage", ".0%", metrics.coverage),
    Figure("effective_items", "effective", ",.0f", metrics.effective_items),
    Figure("gini", "Gini", ".2f", metrics.gini),
    Figure("popularity", "popular", ".0%", metrics.popularity),
    Figure("novelty", "novelty", ".1f", metrics.novelty),
)


def describe(sessions: Sessions, vectors: NDArray[np.floating], popularity: NDArray[Any]) -> dict[str, float]:
    """What the sessions of one seed look like, by the name of the function in `metrics` that defines it."""
    num_items = len(vectors)
    return {
        "session_return": metrics.session_return(sessions),
        "session_length": metrics.session_length(sessions),
        "distinct_items": metrics.distinct_items(sessions, num_items),
        "repeats": metrics.repeats(sessions, num_items),
        "diversity": metrics.diversity(sessions, vectors),
        "narrowing": metrics.narrowing(sessions, vectors),
        "coverage": metrics.coverage(sessions, num_items),
        "effective_items": metrics.effective_items(sessions, num_items),
        "gini": metrics.gini(sessions, num_items),
        "popularity": metrics.popularity(sessions, popularity),
        "novelty": metrics.novelty(sessions, popularity),
    }
