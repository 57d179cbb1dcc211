"""What the values of items are the sums of."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from recloop.agents.addends import Additive, chord
from recloop.agents.policy import Floats, ItemSpace
from recloop.agents.ranking import values_of_all
from recloop.envs.task import Task
from tests.agents.test_ranking import Make, dqn, plain_ppo, ppo

ALL = np.arange(60)


@pytest.mark.parametrize("make", [ppo, dqn])
def test_they_sum_to_the_values(make: Make, task: Task, items: ItemSpace, observations: Floats) -> None:
    model = make(task, items)
    additive, said = Additive(model, items), values_of_all(model, observations)
    state, exposure = items.layout["state"], items.layout["exposure"]
    for row, observation in enumerate(observations):
        added, (now, later) = additive.addends(observation, ALL), additive.queries(observation[None])[0]
        direct = added.state * (items.vectors @ observation[state]) + added.quality
        bored = added.exposure * (items.vectors @ observation[exposure])
        learned = added.now * (items.vectors @ now) + added.later * (items.vectors @ later)
        np.testing.assert_allclose(added.base + direct + bored + learned, said[row], atol=1e-4)


@pytest.mark.parametrize("make", [ppo, dqn])
def test_values_are_the_model_s_but_for_what_is_the_same_for_all_items(
    make: Make, task: Task, items: ItemSpace, observations: Floats
) -> None:
    model = make(task, items)
    values = Additive(model, items).values(observations, np.tile(ALL, (len(observations), 1)))
    difference = values_of_all(model, observations) - values
    np.testing.assert_allclose(difference, difference[:, :1] * np.ones(60), atol=1e-4)


def test_boredom_never_speaks_for_an_item(task: Task, items: ItemSpace, observations: Floats) -> None:
    added = Additive(ppo(task, items), items).addends(observations[0], ALL)
    exposed = items.vectors @ observations[0, items.layout["exposure"]]
    assert (added.exposure[exposed <= 0] == 0).all()
    assert (added.exposure[exposed > 0] < 0).all()


@pytest.mark.parametrize("score", [4.0, -2.0, 1e-9, 0.0])
def test_the_chord_is_the_mean_slope_of_the_sigmoid_on_the_way_to_the_score(score: float) -> None:
    mean = quad(lambda part: expit(part * score - 5) * (1 - expit(part * score - 5)), 0, 1)[0]
    assert chord(np.array([score]), 5.0)[0] == pytest.approx(mean, rel=1e-6)


def test_a_chord_by_hand() -> None:
    assert chord(np.array([5.0]), 5.0)[0] == pytest.approx((0.5 - 1 / (1 + np.e**5)) / 5)


def test_a_plain_head_is_refused(task: Task, items: ItemSpace) -> None:
    with pytest.raises(ValueError, match="no sum of parts; name a run of PPO or DQN with head=item"):
        Additive(plain_ppo(task, items), items)
