import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.encoders.controls import OneHot, RandomVectors, Shuffled
from recloop.encoders.hashing import Hashing

TITLES = [f"film number {number}" for number in range(200)]


def test_random_vectors_of_different_texts_are_independent() -> None:
    vectors = RandomVectors(dim=64).encode(TITLES)
    cosines = (vectors @ vectors.T)[np.triu_indices(len(TITLES), 1)]
    assert abs(cosines.mean()) < 0.005
    assert cosines.std() == pytest.approx(1 / np.sqrt(64), rel=0.05)


def test_random_vectors_depend_on_the_seed() -> None:
    assert RandomVectors(seed=0).fingerprint != RandomVectors(seed=1).fingerprint
    assert abs((RandomVectors(seed=0).encode(TITLES) * RandomVectors(seed=1).encode(TITLES)).sum(axis=1)).max() < 0.5


def test_random_vectors_need_a_coordinate() -> None:
    with pytest.raises(ValueError, match="dim is 0"):
        RandomVectors(dim=0)


@given(st.integers(2, 40), st.integers(0, 3))
def test_shuffled_texts_exchange_all_vectors_and_nobody_keeps_theirs(num_texts: int, seed: int) -> None:
    texts = TITLES[:num_texts]
    own, given_away = Hashing(dim=64).encode(texts), Shuffled(Hashing(dim=64), seed).over(texts).encode(texts)
    assert sorted(row.tobytes() for row in given_away) == sorted(row.tobytes() for row in own)
    assert not (given_away == own).all(axis=1).any()


def test_the_order_of_the_corpus_and_repeats_in_it_do_not_matter() -> None:
    one, other = Shuffled(Hashing()).over(TITLES), Shuffled(Hashing()).over([*reversed(TITLES), TITLES[3]])
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.encode(TITLES), other.encode(TITLES))


def test_the_exchange_depends_on_the_seed() -> None:
    one, other = (Shuffled(Hashing(), seed).over(TITLES) for seed in (0, 1))
    assert one.fingerprint != other.fingerprint
    assert (one.encode(TITLES) != other.encode(TITLES)).any()


def test_a_text_outside_the_corpus_reads_a_member_of_its_own() -> None:
    shuffled = Shuffled(Hashing()).over(TITLES)
    strangers = [f"a user of {age} years" for age in range(50)]
    corpus = {row.tobytes() for row in Hashing().encode(TITLES)}
    read = {row.tobytes() for row in shuffled.encode(strangers)}
    assert read <= corpus
    assert len(read) > 25


def test_another_corpus_is_another_encoder() -> None:
    assert Shuffled(Hashing()).over(TITLES).fingerprint != Shuffled(Hashing()).over(TITLES[1:]).fingerprint


def test_shuffling_without_a_corpus_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"call over\(catalog_texts\) first"):
        Shuffled(Hashing()).encode(TITLES)


def test_one_text_cannot_be_shuffled() -> None:
    with pytest.raises(ValueError, match="1 distinct texts cannot be shuffled"):
        Shuffled(Hashing()).over(["heat", "heat"])


def test_items_of_one_hot_vectors_are_nothing_alike_and_strangers_share_a_coordinate() -> None:
    control = OneHot().over(["b", "a", "b"])
    np.testing.assert_array_equal(control.encode(["a", "b", "who?", "a king"]), np.eye(3)[[0, 1, 2, 2]])


def test_one_hot_vectors_without_a_corpus_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="call over"):
        OneHot().encode(["heat"])
