"""Off-policy estimators: by hand, by their properties, and on a bandit and a decision process of known value."""

import numpy as np
import pytest
from numpy.typing import NDArray

from recloop.experiments.errors import UsageError
from recloop.experiments.ope import Evidence, Figures, Weights, evaluate, refuse_thin, weigh

NAMES = ["IPS", "SNIPS", "DM", "DR", "Switch-DR"]


def values(evidence: Evidence, switch: float = 10.0) -> dict[str, float]:
    """The estimates of a log that is repeated until it is large enough."""
    many = Evidence(*(np.tile(array, (200, 1)) for array in evidence))
    return {name: one.value for name, one in evaluate(many, np.random.default_rng(0), switch).estimates.items()}


def test_one_step_by_hand() -> None:
    # two decisions: weights 2 and 1/2, rewards 1 and 3, Q of the logged items 0.5 and 2, V 0.75 and 1
    evidence = Evidence(*(np.array(column, float).reshape(2, 1) for column in ((1, 3), (2, 0.5), (0.5, 2), (0.75, 1))))
    assert values(evidence, switch=1.5) == pytest.approx(
        {
            "IPS": (2 * 1 + 0.5 * 3) / 2,
            "SNIPS": (2 * 1 + 0.5 * 3) / 2.5,
            "DM": (0.75 + 1) / 2,
            "DR": (0.75 + 2 * 0.5 + 1 + 0.5 * 1) / 2,
            "Switch-DR": (0.75 + 1 + 0.5 * 1) / 2,
        }
    )


def test_two_steps_by_hand() -> None:
    # session 1: ratios 2, 3, so w = 2, 6; session 2 ends after one step: ratios 1/2, 1, w = 1/2, 1/2
    evidence = Evidence(
        rewards=np.array([[1.0, 2.0], [4.0, 0.0]]),
        ratios=np.array([[2.0, 3.0], [0.5, 1.0]]),
        of_action=np.array([[0.5, 1.0], [3.0, 0.0]]),
        of_state=np.array([[1.0, 1.5], [2.0, 0.0]]),
    )
    first = 1 + 2 * (1 + 1.5 - 0.5) + 6 * (2 + 0 - 1)
    second = 2 + 0.5 * (4 - 3)
    assert values(evidence, switch=5) == pytest.approx(
        {
            "IPS": (2 * 1 + 6 * 2 + 0.5 * 4) / 2,
            "SNIPS": (2 * 1 + 0.5 * 4) / 2.5 + (6 * 2) / 6.5,
            "DM": 1.5,
            "DR": (first + second) / 2,
            "Switch-DR": (first - 6 * 1 + second) / 2,
        }
    )


def test_weights_by_hand() -> None:
    evidence = Evidence(*(np.zeros((3, 2)) for _ in range(4)))._replace(
        ratios=np.array([[1.0, 1.0], [4.0, 0.5], [0.0, 1.0]])
    )
    assert tuple(weigh(evidence, switch=3)) == pytest.approx((3, (1 + 2) ** 2 / (1 + 4), 4.0, 1 / 3))


def test_a_policy_that_logged_itself_has_its_own_mean() -> None:
    rng = np.random.default_rng(0)
    rewards, model = rng.random((400, 3)), rng.random((400, 3))
    found = evaluate(Evidence(rewards, np.ones((400, 3)), model, model), rng)
    mean = rewards.sum(axis=1).mean()
    assert tuple(found.weights) == pytest.approx((400, 400, 1.0, 0.0))
    assert found.estimates["IPS"].value == pytest.approx(mean)
    assert found.estimates["SNIPS"].value == pytest.approx(mean)
    assert found.estimates["DR"].value == pytest.approx(mean)  # V = Q of the logged item: the model cancels out


@pytest.mark.parametrize(
    ("effective", "sessions", "refused"),
    [(43, 10_000, True), (99.9, 100, True), (100, 100, False), (150, 20_000, True), (200, 20_000, False)],
)
def test_too_little_evidence_is_refused(effective: float, sessions: int, refused: bool) -> None:
    weights = Weights(sessions, effective, 1.0, 0.0)
    if not refused:
        refuse_thin(weights)
        return
    with pytest.raises(UsageError, match=rf"refused: ESS {effective:,.0f} of {sessions:,}, at least 100 and 1% needed"):
        refuse_thin(weights)


def test_a_log_that_never_does_what_the_target_does_is_refused() -> None:
    with pytest.raises(UsageError, match="refused: ESS 0 of 500"):
        evaluate(Evidence(*(np.zeros((500, 1)) for _ in range(4))), np.random.default_rng(0))


# A decision process of two states and two actions: state and action decide the chance of reward 1; action 1 moves to
# state 1, action 0 to state 0. Two steps, from state 0.
CHANCES = np.array([[0.2, 0.5], [0.9, 0.3]])  # [state, action]
LOGGING = np.array([[0.7, 0.3], [0.5, 0.5]])
TARGET = np.array([[0.4, 0.6], [0.8, 0.2]])


def exact() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Q and V of the target, [step, state, action] and [step, state]."""
    last = CHANCES
    value = (TARGET * last).sum(axis=1)
    first = CHANCES + value[None, :]  # the action is the next state
    return np.stack([first, last]), np.stack([(TARGET * first).sum(axis=1), value])


def sessions(rng: np.random.Generator, n: int, bias: float = 0.0) -> Evidence:
    """A log of n sessions, with the exact model plus `bias` times something wrong."""
    q, v = exact()
    q = q + bias * np.array([[[1.0, -1.0], [0.5, 2.0]]])
    v = v if not bias else np.einsum("sa,tsa->ts", TARGET, q)
    state, columns = np.zeros(n, np.int64), []
    for step in range(2):
        action = (rng.random(n) < LOGGING[state, 1]).astype(np.int64)
        reward = (rng.random(n) < CHANCES[state, action]).astype(float)
        ratio = TARGET[state, action] / LOGGING[state, action]
        columns.append((reward, ratio, q[step, state, action], v[step, state]))
        state = action
    return Evidence(*(np.stack(column, axis=1) for column in zip(*columns, strict=True)))


@pytest.fixture(scope="module")
def many() -> dict[float, list[Figures]]:
    """Estimates of 100 logs of 400 sessions each, with the exact model and with a wrong one."""
    return {
        bias: [
            evaluate(sessions(np.random.default_rng([i, 7]), 400, bias), np.random.default_rng(i)) for i in range(100)
        ]
        for bias in (0.0, 0.5)
    }


@pytest.mark.parametrize(
    ("name", "bias"),
    [("IPS", 0.0), ("SNIPS", 0.0), ("DR", 0.0), ("DR", 0.5), ("Switch-DR", 0.5)],
)
def test_over_many_logs_the_mean_is_the_true_value(name: str, bias: float, many: dict[float, list[Figures]]) -> None:
    truth = exact()[1][0, 0]
    found = np.array([figures.estimates[name].value for figures in many[bias]])
    assert abs(found.mean() - truth) < 3 * found.std() / np.sqrt(len(found))


def test_an_exact_model_is_exact_and_makes_the_doubly_robust_estimate_better(many: dict[float, list[Figures]]) -> None:
    truth = exact()[1][0, 0]
    spread = {name: np.std([one.estimates[name].value for one in many[0.0]]) for name in NAMES}
    assert all(one.estimates["DM"].value == pytest.approx(truth) for one in many[0.0])
    assert spread["DR"] < spread["IPS"]


def test_a_wrong_model_deceives_the_direct_method_alone(many: dict[float, list[Figures]]) -> None:
    truth = exact()[1][0, 0]
    means = {name: np.mean([one.estimates[name].value for one in many[0.5]]) for name in NAMES}
    assert abs(means["DM"] - truth) > 0.09
    assert abs(means["DR"] - truth) < 0.03


@pytest.mark.parametrize("name", ["IPS", "SNIPS", "DR"])
def test_nineteen_intervals_of_twenty_hold_the_true_value(name: str, many: dict[float, list[Figures]]) -> None:
    truth = exact()[1][0, 0]
    held = np.mean([one.estimates[name].low <= truth <= one.estimates[name].high for one in many[0.5]])
    assert 0.9 <= held <= 0.99


def test_without_noise_the_doubly_robust_estimate_with_an_exact_model_has_the_true_value() -> None:
    evidence = sessions(np.random.default_rng(1), 300)
    _, v = exact()
    mean_rewards = evidence.of_action - np.concatenate([evidence.of_state[:, 1:], np.zeros((300, 1))], axis=1)
    found = evaluate(evidence._replace(rewards=mean_rewards), np.random.default_rng(0))
    assert found.estimates["DR"].value == pytest.approx(v[0, 0])
    assert found.estimates["Switch-DR"].value == pytest.approx(v[0, 0])


def test_the_threshold_of_switching_reaches_from_the_model_to_the_doubly_robust_estimate() -> None:
    evidence = sessions(np.random.default_rng(1), 300, bias=0.5)
    never, always = (evaluate(evidence, np.random.default_rng(0), switch).estimates for switch in (np.inf, 0.0))
    assert never["Switch-DR"].value == never["DR"].value
    assert always["Switch-DR"].value == always["DM"].value


def test_the_same_generator_gives_the_same_interval() -> None:
    evidence = sessions(np.random.default_rng(1), 300)
    first, again = (evaluate(evidence, np.random.default_rng(4)) for _ in range(2))
    assert first == again
