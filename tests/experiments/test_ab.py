"""A/B tests of policies that are played."""

import numpy as np
import pytest

from recloop.agents.baselines import Greedy, Random
from recloop.agents.policy import ItemSpace
from recloop.encoders.projection import Projection
from recloop.envs.task import Task
from recloop.experiments.ab import Verdict, interleaved, paired, sentences
from recloop.experiments.compose import composed
from recloop.experiments.contestants import Arena, Contestant
from recloop.experiments.errors import UsageError
from recloop.experiments.progress import Bar, Silent
from recloop.experiments.sequential import watch
from recloop.experiments.setting import Setting, item_space

BAR = Bar(Silent(), "policies")


@pytest.fixture(scope="module")
def where() -> Arena:
    """A made-up task of 500 users."""
    task = Task.synthetic(60, 8, max_steps=8)
    projection = Projection.fit(np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32), 8, False)
    return Arena(composed(["evaluation.sessions_per_user=1"]), Setting(task, task, projection, {}))


def greedy(where: Arena) -> Contestant:
    return Contestant("greedy", where.setting.held_out, Greedy(item_space(where.setting.held_out)))


def blind(where: Arena) -> Contestant:
    """Greedy for what users are not."""
    items = item_space(where.setting.held_out)
    return Contestant("blind", where.setting.held_out, Greedy(ItemSpace(-items.vectors, *_others(items))))


def _others(items: ItemSpace) -> tuple[np.ndarray, np.ndarray, dict[str, slice]]:
    return items.quality, items.popularity, items.layout


def test_a_policy_against_itself_has_no_differences(where: Arena) -> None:
    assert not paired(greedy(where), greedy(where), where, BAR).any()


def test_the_better_policy_is_found_whichever_comes_first(where: Arena) -> None:
    ours, theirs = greedy(where), blind(where)
    gained, lost = paired(theirs, ours, where, BAR), paired(ours, theirs, where, BAR)
    np.testing.assert_array_equal(gained, -lost)
    for names, differences in ((("blind", "greedy"), gained), (("greedy", "blind"), lost)):
        said = sentences(Verdict(names, watch(differences), "clicks a session"))
        assert said[1].startswith("greedy is better than blind: clear after ")


def test_interleaving_finds_it_too(where: Arena) -> None:
    assert interleaved(blind(where), greedy(where), where, 4).mean() > 0.3
    assert abs(interleaved(greedy(where), greedy(where), where, 4).mean()) < 0.15


def test_who_ranks_nothing_cannot_be_interleaved(where: Arena) -> None:
    random = Contestant("random", where.setting.held_out, Random(60, 0))
    with pytest.raises(UsageError, match="random ranks nothing"):
        interleaved(random, greedy(where), where, 4)


def test_what_is_not_clear_is_said_so() -> None:
    said = sentences(Verdict(("A", "B"), watch(np.tile([1.0, -1.0], 50)), "clicks a session"))
    assert said[0].startswith("B less A: +0.00 [-")
    assert said[1] == "no decision at 5% after 100 users; more users, or policies further apart"
