"""The estimators on real logs, and against the library that came with them."""

import json
import subprocess
import sys
import venv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from recloop.experiments.assets import fetch
from recloop.experiments.errors import UsageError
from recloop.experiments.ope import Evidence, evaluate
from recloop.experiments.open_bandit import (
    CAMPAIGNS,
    POLICIES,
    Decisions,
    click_rates,
    evidence,
    read_decisions,
    shares,
)

TELLING = [pair for pair in product(POLICIES, CAMPAIGNS) if pair != ("bts", "women")]
"""Logs that say enough of the other policy."""

REFERENCE = """
import json, sys, types
import numpy as np
site, data = sys.argv[1:]
torch = types.ModuleType("torch")  # named in annotations only
torch.Tensor = type("Tensor", (), {})
package = types.ModuleType("obp.ope")  # without what its __init__ imports to draw and to train
package.__path__ = [site + "/obp/ope"]
sys.modules.update({"torch": torch, "obp.ope": package})
from obp.ope.estimators import (
    DirectMethod, DoublyRobust, InverseProbabilityWeighting, SelfNormalizedInverseProbabilityWeighting,
    SwitchDoublyRobust,
)
log = {name: np.array(values) for name, values in json.load(open(data)).items()}
estimators = {
    "IPS": InverseProbabilityWeighting(), "SNIPS": SelfNormalizedInverseProbabilityWeighting(), "DM": DirectMethod(),
    "DR": DoublyRobust(), "Switch-DR": SwitchDoublyRobust(tau=10.0),
}
print(json.dumps({name: float(one.estimate_policy_value(**log)) for name, one in estimators.items()}))
"""


def tiny() -> Decisions:
    return Decisions(
        items=np.array([0, 0, 1, 2]),
        positions=np.array([0, 1, 0, 0]),
        clicks=np.array([1.0, 0.0, 0.0, 0.0]),
        propensities=np.full(4, 0.25),
    )


def test_shares_by_hand() -> None:
    log = tiny()._replace(positions=np.array([0, 1, 0, 2]))
    assert shares(log, 3).tolist() == [[0.5, 1, 0], [0.5, 0, 0], [0, 0, 1]]


def test_evidence_by_hand() -> None:
    target = np.array([[0.5, 1.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]])
    found = evidence(tiny(), target)
    rates = [(1 + 25) / 102, 25 / 101, 25 / 101]  # 100 decisions with the mean of 0.25 clicks
    assert found.ratios[:, 0].tolist() == [2, 4, 2, 0]
    assert found.of_action[:, 0].tolist() == pytest.approx([rates[0], rates[0], rates[1], rates[2]])
    even = (rates[0] + rates[1]) / 2
    assert found.of_state[:, 0].tolist() == pytest.approx([even, rates[0], even, even])


@pytest.fixture(scope="module")
def folder() -> Path:
    return fetch("open-bandit")


def crossed(folder: Path, logging: str, campaign: str) -> tuple[Evidence, Decisions]:
    """What the log of one policy says of the other one, and what that one did."""
    log = read_decisions(folder, logging, campaign)
    other = read_decisions(folder, POLICIES[1 - POLICIES.index(logging)], campaign)
    return evidence(log, shares(other, int(log.items.max()) + 1)), other


@pytest.mark.slow
def test_there_are_sixty_thousand_decisions_with_propensities(folder: Path) -> None:
    logs = [read_decisions(folder, policy, campaign) for policy in POLICIES for campaign in CAMPAIGNS]
    assert sum(len(log.items) for log in logs) == 60_000
    assert all(((log.propensities > 0) & (log.propensities <= 1)).all() for log in logs)


@pytest.mark.slow
@pytest.mark.parametrize(("logging", "campaign"), TELLING)
def test_the_estimate_agrees_with_what_the_policy_really_reached(folder: Path, logging: str, campaign: str) -> None:
    found, other = crossed(folder, logging, campaign)
    reached = other.clicks.mean()
    noise = 1.96 * other.clicks.std() / np.sqrt(len(other.clicks))
    for name, one in evaluate(found, np.random.default_rng(0)).estimates.items():
        if name != "DM":  # whose interval says nothing of its model
            assert one.low - noise <= reached <= one.high + noise, name


@pytest.mark.slow
def test_a_log_that_hardly_ever_shows_what_the_other_policy_shows_is_refused(folder: Path) -> None:
    found, _ = crossed(folder, "bts", "women")
    with pytest.raises(UsageError, match="refused: ESS 2 of 10,000, at least 100 and 1% needed"):
        evaluate(found, np.random.default_rng(0))


@pytest.mark.slow
def test_the_reference_library_says_the_same(folder: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, "--no-deps", "obp==0.4.1"], check=True)
    subprocess.run([*install, "numpy", "pandas", "scikit-learn"], check=True)
    site = tmp_path / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    assert not (site / "torch").exists()
    (tmp_path / "reference.py").write_text(REFERENCE)
    for logging, campaign in TELLING:
        found, other = crossed(folder, logging, campaign)
        log = read_decisions(folder, logging, campaign)
        (tmp_path / "log.json").write_text(json.dumps(as_obp(log, other)))
        command = [str(python), str(tmp_path / "reference.py"), str(site), str(tmp_path / "log.json")]
        theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ours = evaluate(found, np.random.default_rng(0)).estimates
        assert {name: one.value for name, one in ours.items()} == pytest.approx(theirs, rel=0, abs=1e-9)


def as_obp(log: Decisions, other: Decisions) -> dict[str, object]:
    """The log and the target as the library's arguments."""
    n, num_items = len(log.items), int(log.items.max()) + 1
    return {
        "reward": log.clicks.tolist(),
        "action": log.items.tolist(),
        "position": log.positions.tolist(),
        "pscore": log.propensities.tolist(),
        "action_dist": np.broadcast_to(shares(other, num_items), (n, num_items, 3)).tolist(),
        "estimated_rewards_by_reg_model": np.broadcast_to(
            click_rates(log, num_items)[:, None], (n, num_items, 3)
        ).tolist(),
    }
