import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.encoders.hashing import Hashing


def test_one_word_is_one_coordinate() -> None:
    vector = Hashing(dim=16).encode(["heat"])[0]
    assert sorted(np.abs(vector)) == [0] * 15 + [1]


def test_two_words_are_three_features() -> None:
    both = Hashing(dim=4096).encode(["heat alien"])[0]
    np.testing.assert_allclose(np.sort(np.abs(both))[-4:], [0, *[1 / np.sqrt(3)] * 3], atol=1e-6)


def test_the_cosine_is_the_share_of_common_features() -> None:
    left, right = Hashing(dim=4096).encode(["star wars jedi", "star wars return"])  # 5 features each: 2 words, 1 pair
    assert left @ right == pytest.approx(3 / 5, abs=1e-6)


def test_case_does_not_matter_and_order_does() -> None:
    same, also, other = Hashing().encode(["Star Wars", "star wars", "wars star"])
    assert same.tobytes() == also.tobytes() != other.tobytes()


def test_the_seed_matters() -> None:
    assert Hashing(seed=0).fingerprint != Hashing(seed=1).fingerprint
    assert not np.array_equal(Hashing(seed=0).encode(["heat"]), Hashing(seed=1).encode(["heat"]))


@given(text=st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), dim=st.integers(1, 8))
def test_every_text_has_a_direction_however_few_the_coordinates(text: str, dim: int) -> None:
    assert np.isfinite(Hashing(dim=dim).encode([text])).all()


def test_no_coordinates_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("dim is 0")):
        Hashing(dim=0)
