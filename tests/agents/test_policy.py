"""What an agent is told of its items."""

import numpy as np
import pytest

from recloop.agents.policy import ItemSpace

ONES = np.ones(3, np.float32)


@pytest.mark.parametrize("layout", [{"state": slice(0, 2)}, {"state": slice(0, 2), "exposure": slice(2, 5)}])
def test_an_observation_without_a_block_of_the_right_length_is_refused_by_name(layout: dict[str, slice]) -> None:
    with pytest.raises(ValueError, match="'exposure' block"):
        ItemSpace(np.ones((3, 2), np.float32), ONES, ONES, layout)
