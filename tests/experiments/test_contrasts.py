"""What is said of differences, from seeds made up so that the answer is plain."""

import numpy as np
import pytest

from recloop.experiments.contrasts import check_pairs, conclusions
from recloop.experiments.errors import UsageError
from recloop.experiments.sessions import Played, Sessions

USERS, STEPS = 8, 10


def reaching(name: str, *clicks: int) -> Played:
    """A trained agent whose seeds have so many clicks with every user."""
    return Played(name, "observed", True, tuple(_sessions(each) for each in clicks))


def _sessions(clicks: int) -> Sessions:
    shape = (USERS, STEPS)
    clicked = np.tile((np.arange(STEPS) < clicks).astype(np.float32), (USERS, 1))
    return Sessions(np.arange(USERS, dtype=np.int32), np.zeros(shape, np.int32), clicked, clicked)


GOOD, POOR = reaching("reads", 8, 9, 8, 9), reaching("random", 3, 2, 3, 2)


def test_a_large_difference_is_said_to_be_one_with_its_interval_and_world() -> None:
    rests, said = conclusions({"ratings": [GOOD, POOR]}, [("reads", "random")])
    assert said.startswith("reads beats random in the world of ratings by +6.0 [")
    assert said.endswith("clicks a session (p = 6.2e-06).")
    assert "1 contrasts" in rests


def test_the_other_way_round_it_is_a_loss() -> None:
    _, said = conclusions({"": [GOOD, POOR]}, [("random", "reads")])
    assert said.startswith("random does worse than reads: -6.0 [")


def test_a_difference_within_the_spread_of_seeds_is_no_difference() -> None:
    other = reaching("other", 9, 8, 8, 8)
    _, said = conclusions({"": [GOOD, other]}, [("reads", "other")])
    assert "reads is not told apart from other: " in said
    assert "seeds each would tell" in said


def test_the_same_clicks_are_equivalent() -> None:
    same = [reaching("one", 8, 8, 8), reaching("two", 8, 8, 8)]
    assert conclusions({"": same}, [("one", "two")])[1].startswith("one does as two, within 2%: ")


def test_a_group_without_spread_is_compared_without_a_warning() -> None:
    _, said = conclusions({"": [reaching("one", 8, 8, 8), reaching("two", 7, 7, 8)]}, [("one", "two")])
    assert said.startswith("one is not told apart from two: ")


def test_one_seed_tells_nothing_of_others() -> None:
    played = [reaching("one", 8), reaching("two", 2)]
    assert "one seed tells nothing of others" in conclusions({"": played}, [("one", "two")])[1]


def test_p_values_are_corrected_for_all_pairs_in_all_worlds() -> None:
    alone = conclusions({"": [GOOD, POOR]}, [("reads", "random")])[1]
    among = conclusions({"a": [GOOD, POOR], "b": [GOOD, POOR]}, [("reads", "random")])
    assert "p = 6.2e-06" in alone
    assert all("p = 1.2e-05" in sentence for sentence in among[1:])


@pytest.mark.parametrize("pair", [["reads"], ["reads", "reads"], ["reads", "writes"]])
def test_a_pair_that_is_none_is_refused_with_the_names_that_there_are(pair: list[str]) -> None:
    with pytest.raises(UsageError, match=r"suite\.contrasts\[0\] is .*of reads, random"):
        check_pairs([pair], ["reads", "random"])
