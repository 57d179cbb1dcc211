"""The Open Bandit data: what two policies recommended in one week of a fashion shop, and what was clicked.

Saito, Aihara, Matsutani and Narita (2021), Open Bandit Dataset and Pipeline. Random and Bernoulli Thompson sampling
(BTS) ran side by side in three campaigns, so that an estimate for one of them from the log of the other can be held
against what it really reached.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recloop.experiments.ope import Evidence

CAMPAIGNS = ("all", "men", "women")
POLICIES = ("random", "bts")

_SHRINKAGE = 100.0  # decisions of average clicks that the model adds to each item
_COLUMNS = ("item_id", "position", "click", "propensity_score")


class Decisions(NamedTuple):
    """What one policy recommended in one campaign."""

    items: NDArray[np.int64]  # [n]
    positions: NDArray[np.int64]  # [n] 0, 1 or 2 on the page
    clicks: NDArray[np.float64]  # [n]
    propensities: NDArray[np.float64]  # [n] of the item in that position


def read_decisions(folder: Path, policy: str, campaign: str) -> Decisions:
    """The decisions of `policy` in `campaign`, from the folder of the asset `open-bandit`."""
    import pandas as pd

    table = pd.read_csv(folder / policy / campaign / f"{campaign}.csv", usecols=list(_COLUMNS))
    item, position, click, propensity = (table[name].to_numpy() for name in _COLUMNS)
    return Decisions(item.astype(np.int64), position.astype(np.int64) - 1, click.astype(float), propensity)


def shares(log: Decisions, num_items: int) -> NDArray[np.float64]:
    """How often the policy showed each item in each position, [num_items, 3]; every column adds up to 1.

    The policies look at no features, so that this is the mean of what they did over the week.
    """
    counts = np.zeros((num_items, 3))
    np.add.at(counts, (log.items, log.positions), 1)
    return np.asarray(counts / counts.sum(axis=0))


def click_rates(log: Decisions, num_items: int) -> NDArray[np.float64]:
    """The model: each item's clicks a decision, drawn towards the mean as if by 100 further decisions, [num_items]."""
    clicked = np.bincount(log.items, log.clicks, num_items)
    shown = np.bincount(log.items, minlength=num_items)
    return np.asarray((clicked + _SHRINKAGE * log.clicks.mean()) / (shown + _SHRINKAGE))


def evidence(log: Decisions, target: NDArray[np.float64]) -> Evidence:
    """What the log says of a policy that shows items in positions with the chances `target` [num_items, 3]."""
    rates = click_rates(log, len(target))
    return Evidence(
        rewards=log.clicks[:, None],
        ratios=(target[log.items, log.positions] / log.propensities)[:, None],
        of_action=rates[log.items][:, None],
        of_state=(rates @ target)[log.positions][:, None],
    )
